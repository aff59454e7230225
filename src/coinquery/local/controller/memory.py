"""Readings of the AWS API: kept until they are forgotten.

Who changes something asks for it, and the gateway marks that: a region where nobody did is read only now and then, in
case. While changes are under way, what a template made is read every other second, and what is launched and registered
is watched: it is read more often still.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from coinquery.aws import Aws
from coinquery.local.gateway import changed

#: How long readings are good while changes are under way, what is watched and all else, and while none are that the
#: gateway knows of, in seconds.
GOOD_WATCHED, GOOD, GOOD_IN_QUIET = 0.8, 2.0, 10.0
#: How long after a change was asked for CloudFormation may still be at it, in seconds.
RESTLESS = 15.0

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
    """The same, of what is read several times as often while changes are under way."""
    _watched.add(read)
    return remembered(read)


def forget(region: str) -> None:
    """Read all anew from now on."""
    _kept.pop(region, None)


class Memory:
    """Forgets what is too old of one region. ``calls`` is the gateway's log, beside which it marks changes.

    ``in_quiet`` is how long readings are good while it marks none, in seconds.
    """

    def __init__(self, calls: Path, region: str, in_quiet: float = GOOD_IN_QUIET) -> None:
        self._in_quiet = in_quiet
        self._changed = changed(calls, region)
        self._region = region
        self._since = self._watched_since = 0.0

    def refresh(self) -> None:
        """Call it before each pass."""
        now, is_restless = time.monotonic(), self._is_restless()
        if now - self._since > (GOOD if is_restless else self._in_quiet):
            forget(self._region)
            self._since = self._watched_since = now
        elif is_restless and now - self._watched_since > GOOD_WATCHED:
            kept = _kept.pop(self._region, {})
            _kept[self._region] = {key: found for key, found in kept.items() if key[0] not in _watched}
            self._watched_since = now

    def _is_restless(self) -> bool:
        try:
            return time.time() - self._changed.stat().st_mtime < RESTLESS
        except FileNotFoundError:
            return False
