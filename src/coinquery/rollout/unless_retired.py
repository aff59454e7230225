"""A step that waits for a rollout's stack, and ends when somebody takes the stack down meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.around import Around
from coinquery.rollout.moving import refuse_decided

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout
    from coinquery.rollout.step import Observation, Step


class UnlessRetired(Around):
    """The step itself. Else it would wait for what never comes, and the same command would build the stack anew."""

    def __init__(self, step: Step, rollout: Rollout) -> None:
        super().__init__(step)
        self._rollout = rollout

    def observe(self) -> Observation:
        """What the step sees. Raises RolloutEnded if the stack is being retired."""
        refuse_decided(self._rollout.notes, self._rollout.reserved)
        return super().observe()
