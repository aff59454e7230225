"""The step that reserves the name, and a line where another run had reserved it: this one carries that one on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.around import Around
from coinquery.rollout.step import Outcome
from coinquery.stacks.notes import LIVE

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout
    from coinquery.rollout.step import Observation, Step
    from coinquery.stacks.chapter import Chapter

#: What the journal calls a deploy as a whole.
DEPLOY = "deploy"


class CarryingOn(Around):
    """The step itself. A rollout that has its name already, and is not noted live, was begun by another run."""

    def __init__(self, step: Step, rollout: Rollout, chapter: Chapter) -> None:
        super().__init__(step)
        self._rollout = rollout
        self._chapter = chapter
        self._is_first_look = True

    def observe(self) -> Observation:
        """What the step sees; a line if that was another run's doing."""
        seen = super().observe()
        if self._is_first_look and seen.outcome is Outcome.HOLDS and self._rollout.notes.marked(LIVE) is None:
            self._chapter.carry_on(DEPLOY)
        self._is_first_look = False
        return seen
