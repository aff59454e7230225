"""Readings of the AWS API: kept until they are forgotten.

What a region's template made seldom changes: it is read every other second. What is launched and registered is watched:
while changes are under way it is read in each pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from coinquery.aws import Aws
from coinquery.local.gateway import changed

#: How long readings are good, and how long after a change was asked for CloudFormation may still be at it, in seconds.
GOOD, RESTLESS = 2.0, 15.0

P = ParamSpec("P")
R = TypeVar("R")
Reading = Callable[Concatenate[Aws, str, P], R]
_kept: dict[str, dict[tuple[object, ...], Any]] = {}
_watched: set[object] = set()


def remembered(read: Reading[P, R]) -> Reading[P, R]:
    """Give the same answer to the same arguments, of which the second is the region; a failure is not remembered."""

    def look(aws: Aws, region: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        of_region, key = _kept.setdefault(region, {}), (read, args, tuple(kwargs.items()))
        if key not in of_region:
            of_region[key] = read(aws, region, *args, **kwargs)
        found: R = of_region[key]
        return found

    return look


def watched(read: Reading[P, R]) -> Reading[P, R]:
    """The same, of what is read in each pass while changes are under way."""
    _watched.add(read)
    return remembered(read)


def forget(region: str) -> None:
    """Read all anew from now on."""
    _kept.pop(region, None)


class Memory:
    """Forgets what is too old of one region. ``calls`` is the gateway's log, beside which it marks changes."""

    def __init__(self, calls: Path, region: str) -> None:
        self._changed = changed(calls, region)
        self._region = region
        self._since = 0.0

    def refresh(self) -> None:
        """Call it before each pass."""
        if time.monotonic() - self._since > GOOD:
            forget(self._region)
            self._since = time.monotonic()
        elif self._is_restless():
            kept = _kept.pop(self._region, {})
            _kept[self._region] = {key: found for key, found in kept.items() if key[0] not in _watched}

    def _is_restless(self) -> bool:
        try:
            return time.time() - self._changed.stat().st_mtime < RESTLESS
        except FileNotFoundError:
            return False
