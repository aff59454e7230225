"""How full the filesystem with the chain's data is, and how fast it fills."""

from __future__ import annotations

import os
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path

from coinquery.clock import Clock

DAY = timedelta(days=1)


class Volume:
    """The filesystem that ``path`` lies on.

    What is used is remembered for as long as ``kept``, one sample each ``spacing``, taken when somebody asks. Growth is
    the mean from the oldest sample until now, told only if that is ``least`` ago, which is above 0.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        kept: timedelta = DAY,
        spacing: timedelta = timedelta(minutes=10),
        least: timedelta = timedelta(hours=1),
    ) -> None:
        self._path = path
        self._clock = clock
        self._kept = kept
        self._spacing = spacing
        self._least = least
        self.samples: deque[tuple[datetime, int]] = deque()

    def forget(self) -> None:
        """Begin anew: what a node writes to catch up tells nothing of how fast it will grow."""
        self.samples.clear()

    def measure(self) -> dict[str, int | None] | None:
        """``size`` and what is ``free`` to the node in bytes, ``growth`` in bytes a day; None where it can't be read.

        The kernel answers from memory, so this does not hold up the event loop.
        """
        try:
            told = os.statvfs(self._path)
        except OSError:
            return None
        if told.f_blocks == 0:
            return None
        now, used = self._clock.now(), (told.f_blocks - told.f_bfree) * told.f_frsize
        self._remember(now, used)
        return {
            "size": told.f_blocks * told.f_frsize,
            "free": told.f_bavail * told.f_frsize,
            "growth": self._growth(now, used),
        }

    def _remember(self, now: datetime, used: int) -> None:
        """Keep a sample if one is due; a clock that was set back makes the others worthless."""
        if self.samples and now < self.samples[-1][0]:
            self.samples.clear()
        while self.samples and now - self.samples[0][0] > self._kept:
            self.samples.popleft()
        if not self.samples or now - self.samples[-1][0] >= self._spacing:
            self.samples.append((now, used))

    def _growth(self, now: datetime, used: int) -> int | None:
        since, before = self.samples[0]
        return round((used - before) / ((now - since) / DAY)) if now - since >= self._least else None
