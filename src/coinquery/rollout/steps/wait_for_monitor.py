"""Wait for the monitor: each new instance has fresh, healthy records in CloudWatch (I7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.proof import told
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from coinquery.durations import Duration
    from coinquery.rollout.proof import MonitorProof


class WaitForMonitor:
    """Holds when the monitor has proven every expected instance."""

    title = "wait for the monitor"

    def __init__(self, proof: MonitorProof, limit: Duration) -> None:
        self._proof = proof
        self.limit = limit

    def intent(self) -> str:
        """What the plan shows."""
        return f"until it has logged {self._proof.demand}, at most {self.limit}"

    def observe(self) -> Observation:
        """Which instances lack proof."""
        gaps = self._proof.gaps()
        if gaps:
            self._proof.ask()
            return waiting(told(gaps))
        return holds(f"logged {self._proof.demand}")

    def act(self) -> None:
        """Nothing: the monitor looks by itself, and was asked to."""
