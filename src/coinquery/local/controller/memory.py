"""Readings of the AWS API: kept until they are forgotten, all of a region at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from coinquery.aws import Aws
from coinquery.local.gateway import changed

#: How long readings are good, in seconds: while nothing changes, and for so long after a change that CloudFormation
#: may still be at it.
GOOD, GOOD_MEANWHILE, RESTLESS = 2.0, 0.7, 15.0

P = ParamSpec("P")
R = TypeVar("R")
_kept: dict[str, dict[object, Any]] = {}


def remembered(read: Callable[Concatenate[Aws, str, P], R]) -> Callable[Concatenate[Aws, str, P], R]:
    """Give the same answer to the same arguments, of which the second is the region; a failure is not remembered."""

    def look(aws: Aws, region: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        of_region, key = _kept.setdefault(region, {}), (read, args, tuple(kwargs.items()))
        if key not in of_region:
            of_region[key] = read(aws, region, *args, **kwargs)
        found: R = of_region[key]
        return found

    return look


def forget(region: str) -> None:
    """Read anew from now on."""
    _kept.pop(region, None)


class Memory:
    """Forgets what is too old of one region. ``calls`` is the gateway's log, beside which it marks changes."""

    def __init__(self, calls: Path, region: str) -> None:
        self._changed = changed(calls, region)
        self._region = region
        self._since = 0.0

    def refresh(self) -> None:
        """Call it before each pass."""
        good = GOOD_MEANWHILE if self._is_restless() else GOOD
        if time.monotonic() - self._since > good:
            forget(self._region)
            self._since = time.monotonic()

    def _is_restless(self) -> bool:
        try:
            return time.time() - self._changed.stat().st_mtime < RESTLESS
        except FileNotFoundError:
            return False
