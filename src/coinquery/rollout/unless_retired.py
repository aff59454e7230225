"""A step that waits for a rollout's stack, and ends when somebody takes the stack down meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.moving import refuse_decided

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout
    from coinquery.rollout.step import Observation, Step


class UnlessRetired:
    """The step itself. Else it would wait for what never comes, and the same command would build the stack anew."""

    def __init__(self, step: Step, rollout: Rollout) -> None:
        self.title = step.title
        self.limit = step.limit
        self._step = step
        self._rollout = rollout

    def intent(self) -> str:
        """What the step would do."""
        return self._step.intent()

    def observe(self) -> Observation:
        """What the step sees. Raises RolloutEnded if the stack is being retired."""
        refuse_decided(self._rollout.notes, self._rollout.reserved)
        return self._step.observe()

    def act(self) -> None:
        """What the step does."""
        self._step.act()
