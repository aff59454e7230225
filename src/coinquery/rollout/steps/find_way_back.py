"""Find the way back: what stood before the switch, as it was stored then (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds

if TYPE_CHECKING:
    from coinquery.rollout.way_back import GoingBack


class FindWayBack:
    """The way back was found when the plan was made; this says what was found."""

    title = "find the way back"
    limit = Duration(60)

    def __init__(self, going: GoingBack) -> None:
        self._going = going

    def intent(self) -> str:
        """What the plan shows."""
        stack = self._going.destination
        return f"{stack.name}, release {stack.release}, commit {stack.commit}, stored {self._going.back.time}"

    def observe(self) -> Observation:
        """What was found."""
        return holds(self.intent())

    def act(self) -> None:
        """Nothing: the way back was stored before the switch."""
