"""A step around another: what is not said otherwise is as the step in it has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinquery.rollout.step import Observation, Step


class Around:
    """The step itself, to be added to."""

    def __init__(self, step: Step) -> None:
        self.title = step.title
        self.limit = step.limit
        self._step = step

    def intent(self) -> str:
        """What the step would do."""
        return self._step.intent()

    def observe(self) -> Observation:
        """What the step sees."""
        return self._step.observe()

    def act(self) -> None:
        """What the step does."""
        self._step.act()
