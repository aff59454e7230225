"""Lengths of time as people write them: ``90s``, ``10m``, ``2h``, ``14d``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)


@dataclass(frozen=True, order=True)
class Duration:
    """A length of time in whole seconds."""

    seconds: int

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``90s``, ``10m``, ``2h`` or ``14d``; raise ValueError for anything else."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a duration; write 90s, 10m, 2h or 14d")
        return cls(int(match[1]) * _UNITS[match[2]])

    def __str__(self) -> str:
        for unit, size in reversed(_UNITS.items()):
            if self.seconds and self.seconds % size == 0:
                return f"{self.seconds // size}{unit}"
        return f"{self.seconds}s"
