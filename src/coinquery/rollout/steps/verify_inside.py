"""Verify inside: a private name can't be asked from outside; the monitor is inside and must have looked since (I7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from coinquery.rollout.proof import told
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.durations import Duration
    from coinquery.rollout.proof import MonitorProof
    from coinquery.stacks.notes import Mark


class VerifyInside:
    """Holds when the monitor has logged every instance healthy after the move, whose mark ``moved`` gives."""

    title = "verify inside"

    def __init__(self, proof: MonitorProof, limit: Duration, moved: Callable[[], Mark | None]) -> None:
        self._proof = proof
        self._moved = moved
        self.limit = limit

    def intent(self) -> str:
        """What the plan shows."""
        return "the monitor logs every instance healthy after the move"

    def observe(self) -> Observation:
        """Which instances the monitor has not looked at since the switch."""
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
