"""Wait for the targets: below production the load balancer's health checks are the proof, for the monitor looks only
at production (I15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.proof import told
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from coinquery.durations import Duration
    from coinquery.rollout.proof import TargetProof


class WaitForTargets:
    """Holds when the target group calls every expected instance healthy."""

    title = "wait for the targets"

    def __init__(self, proof: TargetProof, limit: Duration) -> None:
        self._proof = proof
        self.limit = limit

    def intent(self) -> str:
        """What the plan shows."""
        return f"until {self._proof.demand}, at most {self.limit}"

    def observe(self) -> Observation:
        """Which instances are not healthy."""
        gaps = self._proof.gaps()
        if gaps:
            return waiting(told(gaps))
        return holds(self._proof.demand)

    def act(self) -> None:
        """Nothing: the health checks go on by themselves."""
