"""Targets that left a target group: ``draining`` until its deregistration delay is over.

ministack drops a target at once, and the controller, which is Auto Scaling here, goes past the rules: so what counts is
that a target was there when the group was last looked at.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

#: A target's id and port.
Key = tuple[str, int]


@dataclass
class Departures:
    """Who was registered in one target group at the last look, and who left it when (monotonic seconds)."""

    registered: set[Key] = field(default_factory=set)
    left: dict[Key, float] = field(default_factory=dict)

    def draining(self, registered: Collection[Key], delay: float) -> list[Key]:
        """Those that left within the last ``delay`` seconds and did not come back, whoever left first first."""
        now = time.monotonic()
        for gone in sorted(self.registered - set(registered)):
            self.left[gone] = now
        self.registered = set(registered)
        self.left = {k: since for k, since in self.left.items() if k not in self.registered and now - since < delay}
        return list(self.left)


_groups: dict[str, Departures] = {}


def of_group(arn: str) -> Departures:
    """What this process has seen of a target group."""
    return _groups.setdefault(arn, Departures())
