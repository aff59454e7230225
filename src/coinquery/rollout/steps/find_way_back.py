"""Find the way back: what stood before the switch, as it was stored then (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds

if TYPE_CHECKING:
    from coinquery.rollout.way_back import WayBack
    from coinquery.stacks.stack import Stack


class FindWayBack:
    """The way back was found when the plan was made; this says what was found."""

    title = "find the way back"
    limit = Duration(60)

    def __init__(self, back: WayBack, destination: Stack) -> None:
        self._back = back
        self._destination = destination

    def intent(self) -> str:
        """What the plan shows."""
        stack = self._destination
        return f"{stack.name}, release {stack.release}, commit {stack.commit}, stored {self._back.time}"

    def observe(self) -> Observation:
        """What was found."""
        return holds(self.intent())

    def act(self) -> None:
        """Nothing: the way back was stored before the switch."""
