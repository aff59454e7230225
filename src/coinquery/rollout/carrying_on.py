"""The step that reserves the name, and a line where another run had reserved it: this one carries that one on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.step import Outcome
from coinquery.stacks.notes import LIVE

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout
    from coinquery.rollout.step import Observation, Step
    from coinquery.stacks.chapter import Chapter

#: What the journal calls a deploy as a whole.
DEPLOY = "deploy"


class CarryingOn:
    """The step itself. A rollout that has its name already, and is not noted live, was begun by another run."""

    def __init__(self, step: Step, rollout: Rollout, chapter: Chapter) -> None:
        self.title = step.title
        self.limit = step.limit
        self._step = step
        self._rollout = rollout
        self._chapter = chapter
        self._is_first_look = True

    def intent(self) -> str:
        """What the step would do."""
        return self._step.intent()

    def observe(self) -> Observation:
        """What the step sees; a line if that was another run's doing."""
        seen = self._step.observe()
        if self._is_first_look and seen.outcome is Outcome.HOLDS and self._rollout.notes.marked(LIVE) is None:
            self._chapter.carry_on(DEPLOY)
        self._is_first_look = False
        return seen

    def act(self) -> None:
        """What the step does."""
        self._step.act()
