"""Readings of the AWS API that seldom change, kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

SECONDS = 2.0
R = TypeVar("R")


def remembered(read: Callable[..., R]) -> Callable[..., R]:
    """Give the same answer to the same arguments for ``SECONDS``; a failure is not remembered."""
    kept: dict[tuple[object, ...], tuple[float, R]] = {}

    @wraps(read)
    def reading(*arguments: object) -> R:
        now = time.monotonic()
        for old in [key for key, (since, _) in kept.items() if now - since > SECONDS]:
            del kept[old]
        if arguments not in kept:
            kept[arguments] = (now, read(*arguments))
        return kept[arguments][1]

    return reading
