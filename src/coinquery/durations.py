"""Lengths of time as people write them: ``90s``, ``10m``, ``2h``, ``14d``."""

from __future__ import annotations

import re
from functools import total_ordering

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)


@total_ordering
class Duration:
    """A length of time in whole seconds."""

    # No dataclass: msgspec would read one as an object with its fields, where people write text.
    __slots__ = ("seconds",)

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``90s``, ``10m``, ``2h`` or ``14d``; raise ValueError for anything else."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a duration; write 90s, 10m, 2h or 14d")
        return cls(int(match[1]) * _UNITS[match[2]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.seconds == other.seconds

    def __lt__(self, other: Duration) -> bool:
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __repr__(self) -> str:
        return f"Duration({self.seconds})"

    def __str__(self) -> str:
        for unit, size in reversed(_UNITS.items()):
            if self.seconds and self.seconds % size == 0:
                return f"{self.seconds // size}{unit}"
        return f"{self.seconds}s"


def lasting(seconds: float) -> str:
    """A length of time for people: ``42 s``, ``3 min 5 s``, ``2 h 0 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    for size, unit, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // below} {smaller}"
    return f"{whole} s"
