"""Find the release: tag on master, commit, image digests; nothing else may go to production (I3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout


class FindRelease:
    """The release was found when the plan was made, or there would be no plan; this says what was found."""

    title = "find the release"
    limit = Duration(60)

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout

    def intent(self) -> str:
        """What the plan shows."""
        release, digest = self._rollout.release, self._rollout.image.partition("@")[2]
        return f"{release.tag}, commit {release.commit}, image {digest}"

    def observe(self) -> Observation:
        """What was found."""
        return holds(self.intent())

    def act(self) -> None:
        """Nothing: a release is made by ``cq release create``."""
