"""Confirm the protection: read it back from AWS; do not believe our own request (I5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds, missing

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Rollout
    from coinquery.stacks.protection import Protector


class ConfirmProtection:
    """Termination protection and stack policy since birth; the load balancers' deletion protection from here on."""

    title = "confirm the protection"
    limit = Duration(120)

    def __init__(self, rollout: Rollout, protector: Protector) -> None:
        self._rollout = rollout
        self._protector = protector

    def intent(self) -> str:
        """What the plan shows."""
        return "termination protection, stack policy, load balancers' deletion protection"

    def observe(self) -> Observation:
        """What AWS says is protected."""
        gaps = self._protector.read(self._rollout.reserved).missing
        return missing("missing: " + ", ".join(gaps)) if gaps else holds(self.intent())

    def act(self) -> None:
        """Switch on what is missing."""
        name = self._rollout.reserved
        self._protector.complete(name, self._protector.read(name))
