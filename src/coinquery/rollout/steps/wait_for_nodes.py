"""Wait for the nodes: sync-aware, from the monitor's records; cq never reaches a node itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.proof import told
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from coinquery.durations import Duration
    from coinquery.rollout.proof import MonitorProof


class WaitForNodes:
    """Holds when the newest record of every expected instance says that it is in step with its chain."""

    title = "wait for the nodes"

    def __init__(self, proof: MonitorProof, limit: Duration) -> None:
        self._proof = proof
        self.limit = limit

    def intent(self) -> str:
        """What the plan shows."""
        return f"until every instance is in step, at most {self.limit}"

    def observe(self) -> Observation:
        """What the monitor last said of each instance, with its estimate of when."""
        self._proof.ask()
        gaps = self._proof.out_of_step()
        if gaps:
            return waiting(told(gaps))
        return holds("every instance is in step")

    def act(self) -> None:
        """Nothing: nodes come into step by themselves."""
