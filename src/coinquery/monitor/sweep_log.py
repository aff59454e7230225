"""The trace of sweeps: a line when one begins and one when it ends, and one for each stack that it looked at.

It is the monitor's memory from one sweep to the next, so nothing is kept in a process: what witnesses said, when
references were asked, which alerts stand. And a sweep that died or overlapped another one leaves a visible trace: a
beginning without an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coinquery.log_group import LogGroup
from coinquery.monitor.alerts import Alert
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import Moment, metrics, milliseconds
from coinquery.monitor.witnesses import Memory

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

SWEEPS, STACKS = "sweeps", "stacks"
#: How many of the newest lines are read, of which a sweep leaves two.
LINES_READ = 20

#: Who swept: the region's monitor, or a person by ``cq monitor run``.
By = Literal["monitor", "here"]


class Began(msgspec.Struct, frozen=True, kw_only=True, tag="began", tag_field="event"):
    """A sweep began, and has ended by ``deadline`` unless it died."""

    schema: Literal[1] = 1
    time: Moment
    sweep: str
    region: str
    by: By
    deadline: Moment


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """Where a coin's name led: the live stack, and the one that a rollback would give it to."""

    stack: str | None = None
    way_back: str | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended", tag_field="event"):
    """A sweep ended: what it saw in numbers, and what the next one must know.

    ``died`` and ``overlaps`` are the ids of earlier sweeps that never ended, or had not ended when this one began.
    ``failed`` says why it could not look, ``""`` if it could. One that was ``blind`` could not read what earlier sweeps
    left, so it has nothing to hand on.
    """

    schema: Literal[1] = 1
    time: Moment
    sweep: str
    region: str
    by: By
    seconds: float
    instances: int = 0
    healthy: int = 0
    unreached: int = 0
    failed: str = ""
    blind: bool = False
    died: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    live: dict[str, Live] = {}
    silences: dict[str, Moment] = {}
    memory: Memory = Memory()
    alerts: tuple[Alert, ...] = ()


class StackLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep says of one stack: how many of its instances serve, and whether that is an outage."""

    schema: Literal[1] = 1
    time: Moment
    sweep: str
    region: str
    stack: str
    coin: str
    role: str
    expected: int
    serving: int
    outage: Literal[0, 1]


Line = Began | Ended


@dataclass(frozen=True)
class Trace:
    """What the newest sweeps left to one that begins: what the last remembers, and the beginnings without an end."""

    died: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory)
    live: dict[str, Live] = field(default_factory=dict)
    silences: dict[str, datetime] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    blind: bool = False


class SweepLog:
    """The trace of one region's sweeps."""

    def __init__(self, logs: CloudWatchLogsClient) -> None:
        self._group = LogGroup(logs, LOG_GROUP)

    def write(self, line: Line) -> None:
        """Add a line. Raises LinesRejected or NotBootstrapped."""
        self._group.put(SWEEPS, [(milliseconds(line.time), encode(line))])

    def write_stacks(self, lines: Sequence[StackLine]) -> None:
        """Add the lines of a sweep's stacks. Raises LinesRejected or NotBootstrapped."""
        self._group.put(STACKS, [(milliseconds(line.time), encode(line)) for line in lines])

    def newest(self) -> list[Line]:
        """The newest lines, oldest first."""
        decoded = (decode(line) for line in self._group.newest(SWEEPS, LINES_READ))
        return [line for line in decoded if line is not None]


def encode(line: Line | StackLine) -> str:
    """The line for CloudWatch Logs, with the metrics that it carries."""
    document: dict[str, Any] = msgspec.to_builtins(line)
    if isinstance(line, StackLine):
        document["_aws"] = metrics(line.time, ["stack", "coin"], ["outage", "serving"])
    elif isinstance(line, Ended) and line.by == "monitor" and not line.failed:
        counts = {"sweeps": 1, "dead_sweeps": len(line.died), "overlapping_sweeps": len(line.overlaps)}
        document = counts | document
        document["_aws"] = metrics(line.time, ["region"], [*counts, "unreached"])
    return msgspec.json.encode(document).decode()


def decode(text: str) -> Line | None:
    """Read a line that ``encode`` wrote; None for anything else."""
    try:
        line: Line = msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return line


def trace(lines: Sequence[Line] | None, by: By, now: datetime) -> Trace:
    """What the newest sweeps by the same left; None is "the log could not be read"."""
    if lines is None:
        return Trace(blind=True)
    own = [line for line in lines if line.by == by]
    over = {line.sweep for line in own if isinstance(line, Ended)}
    over |= {sweep for line in own if isinstance(line, Ended) for sweep in line.died}
    open_ = [line for line in own if isinstance(line, Began) and line.sweep not in over]
    died = tuple(line.sweep for line in open_ if line.deadline < now)
    overlaps = tuple(line.sweep for line in open_ if line.deadline >= now)
    last = _last(own)
    if last is None:
        return Trace(died, overlaps)
    return Trace(died, overlaps, last.memory, last.live, last.silences, last.alerts)


def memory(lines: Sequence[Line]) -> Memory:
    """What the newest sweep of the region's monitor remembers; where it leaves no lines, that of anybody."""
    last = _last([line for line in lines if line.by == "monitor"]) or _last(lines)
    return Memory() if last is None else last.memory


def _last(lines: Sequence[Line]) -> Ended | None:
    return next((line for line in reversed(lines) if isinstance(line, Ended) and not line.blind), None)
