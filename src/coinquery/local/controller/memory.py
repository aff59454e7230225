"""Readings of the AWS API: kept until they are forgotten, all at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

#: How long a reading is good while nothing changes, and how long after a change everything is read each time:
#: CloudFormation goes on long after it took a request. Seconds.
GOOD, RESTLESS = 2.0, 15.0

R = TypeVar("R")
_readings: list[Any] = []


def remembered(read: Callable[..., R]) -> Callable[..., R]:
    """Give the same answer to the same arguments; a failure is not remembered."""
    _readings.append(cache(read))
    return _readings[-1]  # type: ignore[no-any-return]


def forget() -> None:
    """Read anew from now on."""
    for reading in _readings:
        reading.cache_clear()


class Memory:
    """Forgets what is too old. ``changed`` is the file that is touched when the API is asked for a change."""

    def __init__(self, changed: Path) -> None:
        self._changed = changed
        self._since = time.monotonic()

    def refresh(self) -> None:
        """Call it before each pass."""
        if self._is_restless() or time.monotonic() - self._since > GOOD:
            forget()
            self._since = time.monotonic()

    def _is_restless(self) -> bool:
        try:
            return time.time() - self._changed.stat().st_mtime < RESTLESS
        except FileNotFoundError:
            return False
