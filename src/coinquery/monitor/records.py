"""The monitor's records: one JSON line for an instance and a sweep, log line and metrics at once.

A line is in CloudWatch's Embedded Metric Format: CloudWatch Logs turns ``up``, ``height`` and ``lag_blocks`` into
metrics of the namespace ``CoinQuery`` by stack and coin, with nothing but the right to write the line. A number that
is not known is null and is no metric.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from coinquery import stored
from coinquery.monitor.head import Height
from coinquery.monitor.verdict import Verdict

NAMESPACE = "CoinQuery"
_METRICS = ("up", "height", "lag_blocks")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep concluded of one instance, and from what.

    ``up`` is 1 only where the verdict is healthy. ``witnesses`` counts those that vouch for ``head``, ``protected``
    tells of termination protection and stack policy, ``health`` is what the service says of its node, ``rate`` the
    blocks a second gained since an earlier record. docs/monitor.md explains every field.
    """

    schema: Literal[1] = 1
    time: Moment
    sweep: str
    region: str
    stack: str
    coin: str
    instance: str
    address: str
    launched: Moment
    verdict: Verdict
    reason: str
    release: str | None = None
    expected_commit: str
    commit: str | None = None
    chain: str | None = None
    protected: bool | None = None
    height: Height | None = None
    block_time: Moment | None = None
    head: Height | None = None
    witnesses: Count = 0
    anchor: Height | None = None
    anchor_hash: str | None = None
    expected_anchor_hash: str | None = None
    lag_blocks: Count | None = None
    lag_seconds: Count | None = None
    progress: int | None = None
    rate: float | None = None
    eta_seconds: Count | None = None
    volume_size: int | None = None
    volume_free: int | None = None
    volume_days: float | None = None
    client: str | None = None
    health: str | None = None
    up: Literal[0, 1]

    @property
    def timestamp(self) -> int:
        """The record's time as CloudWatch counts it: milliseconds since 1970."""
        return milliseconds(self.time)


def encode(record: Record) -> str:
    """The line for CloudWatch Logs, metric instructions included."""
    line: dict[str, Any] = msgspec.to_builtins(record)
    line["_aws"] = metrics(record.time, ["stack", "coin"], [name for name in _METRICS if line[name] is not None])
    return msgspec.json.encode(line).decode()


def metrics(time: datetime, dimensions: list[str], names: list[str]) -> dict[str, Any]:
    """The instructions that make metrics of a line's members ``names``, by its members ``dimensions``."""
    return {
        "Timestamp": milliseconds(time),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [dimensions],
                "Metrics": [{"Name": name, "Unit": "Count"} for name in names],
            }
        ],
    }


def decode(line: str) -> Record | None:
    """Read a line that ``encode`` wrote; None for anything else, other schemas included."""
    try:
        return msgspec.json.decode(line, type=Record)
    except stored.NOT_OF_KIND:
        return None


def milliseconds(time: datetime) -> int:
    """A moment in milliseconds since 1970, rounded down."""
    return int(time.astimezone(UTC).timestamp() * 1000)
