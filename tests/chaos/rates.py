"""AWS's limits of rate, as token buckets that all processes share that stand behind the same ones.

Route 53 takes 5 requests a second of an account (its newer documentation: bursts of 50, then 10 a second);
CloudFormation throttles ``DescribeStacks`` at a few calls a second of account and region, Parameter Store its reads and
writes at 40.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from coinquery.local.calls import Answer, Call
from tests.chaos.proxy import Forward
from tests.chaos.throttles import throttled

#: Calls a second, which is the bucket's size as well.
ROUTE53, DESCRIBE_STACKS, PARAMETERS = 5.0, 5.0, 40.0


@dataclass
class Bucket:
    """Holds ``rate`` tokens at most and gets as many each second."""

    rate: float
    tokens: float = field(init=False)
    _filled: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.rate

    def take(self) -> bool:
        """Take a token, if there is one."""
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self._filled) * self.rate)
        self._filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Rates:
    """Refuses what comes too fast, of one process or of all that are behind it; counts both by service.

    ``faster`` is how many times more is let through: as many as the waits between looks are shorter than a person's.
    """

    faster: float = 1.0
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        bucket = self._bucket(call)
        if bucket is None:
            return await forward(call)
        if not bucket.take():
            self.refused[call.service] += 1
            return throttled(call)
        self.taken[call.service] += 1
        return await forward(call)

    def _bucket(self, call: Call) -> Bucket | None:
        """The bucket that the call takes a token of: one an account, or one an account and region."""
        if call.service == "route53":
            return self._buckets.setdefault(("route53", ""), Bucket(ROUTE53 * self.faster))
        if call.operation == "DescribeStacks":
            return self._buckets.setdefault(("cloudformation", call.region), Bucket(DESCRIBE_STACKS * self.faster))
        if call.service == "ssm":
            return self._buckets.setdefault(("ssm", call.region), Bucket(PARAMETERS * self.faster))
        return None
