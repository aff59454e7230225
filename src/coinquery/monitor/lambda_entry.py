"""Where AWS Lambda enters: one invocation is one sweep of the function's own region.

Reads ``CQ_CONFIGURATION_PARAMETER`` (the SSM parameter that ``cq bootstrap`` writes), ``CQ_TOPIC`` (the pager's topic)
and Lambda's own ``AWS_REGION``.
Clients are made once and serve later invocations; nothing else is kept between sweeps.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

import msgspec

from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.monitor import configuration
from coinquery.monitor.sweep import Limits
from coinquery.monitor.team import Team
from coinquery.monitor.watch import Watch

#: Seconds kept for answering, so that the sweep ends before Lambda ends it.
MARGIN = 2.0

_aws = Aws(read_timeout=10, attempts=3)


class Context(Protocol):
    """What Lambda tells of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the function."""
        ...


def handler(event: object, context: Context) -> dict[str, Any]:  # noqa: ARG001
    """Sweep once; return ``{sweep, instances, healthy, unreached, seconds}``."""
    region = os.environ["AWS_REGION"]
    parameter = os.environ.get("CQ_CONFIGURATION_PARAMETER", configuration.PARAMETER)
    settings = configuration.read(_aws.ssm(region), parameter)
    clock = SystemClock()
    seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN
    watch = Watch(
        region=region,
        aws=_aws,
        configuration=settings,
        clock=clock,
        by="monitor",
        limits=Limits(sweep=seconds),
        tell=Team(settings, _aws, region, clock, os.environ.get("CQ_TOPIC", "")).tell,
    )
    summary: dict[str, Any] = msgspec.to_builtins(watch.once())
    return summary
