"""Verify inside: a private name can't be asked from outside; the monitor is inside and must have looked since (I7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from coinquery.rollout import movers
from coinquery.rollout.proof import told
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.rollout.proof import MonitorProof
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Mark
    from coinquery.stacks.stack import Stack


class VerifyInside:
    """Holds when the monitor has logged every instance healthy after the move, whose mark ``moved`` gives.

    ``stack`` gives the stack that the name must lead to all the while.
    """

    title = "verify inside"

    def __init__(
        self, means: Means, proof: MonitorProof, moved: Callable[[], Mark | None], stack: Callable[[], Stack]
    ) -> None:
        self._means = means
        self._proof = proof
        self._moved = moved
        self._stack = stack
        self.limit = means.config.waits.verify

    def intent(self) -> str:
        """What the plan shows."""
        return "the monitor logs every instance healthy after the move"

    def observe(self) -> Observation:
        """Which instances the monitor has not looked at since the switch."""
        movers.refuse_moved(self._means, self._stack())
        moved = self._moved()
        if moved is None:
            return waiting("no move of the records is noted")
        gaps = self._proof.unseen_since(datetime.fromisoformat(moved.time))
        if gaps:
            self._proof.ask()
            return waiting(told(gaps))
        return holds(self.intent())

    def act(self) -> None:
        """Nothing: the monitor looks by itself, and was asked to."""
