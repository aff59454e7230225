"""Readings of the AWS API that seldom change: kept until they are forgotten, all at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

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
