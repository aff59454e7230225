"""A clock for processes under test: the time of day is right, or skewed on purpose, and waiting is short."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

#: Seconds for which a process with ``CHAOS_IMPATIENT`` waits for an answer: of AWS, and of the monitor's function.
PATIENCE, INVOKE_PATIENCE = 2.0, 8.0


class QuickClock:
    """``pace`` is how many times shorter a wait is; ``skew`` is by how many seconds the clock is ahead."""

    def __init__(self, pace: float = 10.0, skew: float = 0.0) -> None:
        self._pace = pace
        self._skew = timedelta(seconds=skew)

    def now(self) -> datetime:
        """The time of day as this machine has it, in UTC."""
        return datetime.now(UTC) + self._skew

    def sleep(self, seconds: float) -> None:
        """Wait a fraction of that."""
        time.sleep(seconds / self._pace)


def from_environment() -> QuickClock:
    """The clock that ``CHAOS_PACE`` and ``CHAOS_SKEW`` describe."""
    return QuickClock(float(os.environ.get("CHAOS_PACE", "10")), float(os.environ.get("CHAOS_SKEW", "0")))


def quicken_boto3(pace: float) -> None:
    """Have boto3 wait that much shorter before it repeats a call; with ``CHAOS_IMPATIENT``, for an answer too."""
    import botocore.endpoint

    from coinquery import aws

    quick = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(seconds / pace))
    vars(botocore.endpoint)["time"] = quick
    if os.environ.get("CHAOS_IMPATIENT"):
        vars(aws)["INVOKE_TIMEOUT"] = INVOKE_PATIENCE
        aws.Aws.__init__.__defaults__ = (PATIENCE, aws.ATTEMPTS)
