"""Time, as something that is handed in."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

#: How far this machine's clock may be from AWS's, by which records are written.
CLOCK_SKEW = timedelta(seconds=60)


class Clock(Protocol):
    """What the core knows of time."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def spread(seconds: float) -> float:
    """A pause of at least so many seconds and at most half as many more, drawn at random.

    Who was refused together does not come again together.
    """
    return seconds * random.uniform(1.0, 1.5)  # noqa: S311 - no secret
