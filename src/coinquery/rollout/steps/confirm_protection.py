"""Confirm the protection: read it back from AWS; do not believe our own request (I5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds, missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.naming import StackName
    from coinquery.stacks.protection import Protector


class ConfirmProtection:
    """Termination protection and stack policy since birth; the load balancers' deletion protection from here on."""

    title = "confirm the protection"
    limit = Duration(120)

    def __init__(self, name: Callable[[], StackName], protector: Protector) -> None:
        self._name = name
        self._protector = protector

    def intent(self) -> str:
        """What the plan shows."""
        return "termination protection, stack policy, load balancers' deletion protection"

    def observe(self) -> Observation:
        """What AWS says is protected."""
        gaps = self._protector.read(self._name()).missing
        return missing("missing: " + ", ".join(gaps)) if gaps else holds(self.intent())

    def act(self) -> None:
        """Switch on what is missing."""
        self._protector.complete(self._name(), self._protector.read(self._name()))
