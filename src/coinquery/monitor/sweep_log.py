"""The trace of sweeps: a line when one begins and one when it ends, and one for each stack that it looked at.

It is the monitor's memory from one sweep to the next, so nothing is kept in a process: what witnesses said, when
references were asked, which alerts stand. And a sweep that died or overlapped another one leaves a visible trace: a
beginning without an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coinquery import stored
from coinquery.log_group import LogGroup
from coinquery.monitor.alerts import Alert
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import Moment, metrics, milliseconds
from coinquery.monitor.witnesses import Memory

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

SWEEPS, STACKS = "sweeps", "stacks"
#: How many of the newest lines are read, of which a sweep leaves two; and how many, if those hold no usable end of the
#: region's monitor.
LINES_READ, MORE_LINES_READ = 20, 600

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
    left, so it has nothing to hand on. ``complete`` is whether AWS said which stacks stand and where every name leads;
    ``heard`` when each other region's monitor was heard of last.
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
    complete: bool = True
    died: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    live: dict[str, Live] = {}
    silences: dict[str, Moment] = {}
    heard: dict[str, Moment] = {}
    memory: Memory = Memory()
    alerts: tuple[Alert, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the sweep saw all that it must; another one does not count, or nobody would hear that it is blind."""
        return not self.failed and not self.blind and self.complete


class StackLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep says of one stack: how many of its instances serve, and whether that is an outage.

    ``outage`` is null where nobody could say whether the name leads to it.
    """

    schema: Literal[1] = 1
    time: Moment
    sweep: str
    region: str
    stack: str
    coin: str
    role: str
    expected: int
    serving: int
    outage: Literal[0, 1] | None


Line = Began | Ended


@dataclass(frozen=True)
class Trace:
    """What the newest sweeps left to one that begins: what the last remembers, and the beginnings without an end."""

    died: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory)
    live: dict[str, Live] = field(default_factory=dict)
    silences: dict[str, datetime] = field(default_factory=dict)
    heard: dict[str, datetime] = field(default_factory=dict)
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
        texts = self._group.newest(SWEEPS, LINES_READ)
        lines = _decoded(texts)
        if _last(_of_monitor(lines)) is not None or len(texts) < LINES_READ:
            return lines
        return _decoded(self._group.newest(SWEEPS, MORE_LINES_READ))


def encode(line: Line | StackLine) -> str:
    """The line for CloudWatch Logs, with the metrics that it carries."""
    document: dict[str, Any] = msgspec.to_builtins(line)
    if isinstance(line, StackLine):
        names = ["serving"] if line.outage is None else ["outage", "serving"]
        document["_aws"] = metrics(line.time, ["stack", "coin"], names)
    elif isinstance(line, Ended) and line.by == "monitor" and line.is_whole:
        counts = {"sweeps": 1, "dead_sweeps": len(line.died), "overlapping_sweeps": len(line.overlaps)}
        document = counts | document
        document["_aws"] = metrics(line.time, ["region"], [*counts, "unreached"])
    return msgspec.json.encode(document).decode()


def decode(text: str) -> Line | None:
    """Read a line that ``encode`` wrote; None for anything else."""
    try:
        line: Line = msgspec.json.decode(text, type=Line)
    except stored.NOT_OF_KIND:
        return None
    return line


def _decoded(texts: Iterable[str]) -> list[Line]:
    lines = (decode(text) for text in texts)
    return [line for line in lines if line is not None]


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
    return Trace(died, overlaps, last.memory, last.live, last.silences, last.heard, last.alerts)


def memory(lines: Sequence[Line]) -> Memory:
    """What the newest sweep of the region's monitor remembers; where it leaves no lines, that of anybody."""
    last = _last(_of_monitor(lines)) or _last(lines)
    return Memory() if last is None else last.memory


def heard(lines: Sequence[Line]) -> datetime | None:
    """When the region's monitor ended its newest sweep; None if it never did."""
    ends = [line.time for line in _of_monitor(lines) if isinstance(line, Ended) and not line.failed]
    return max(ends, default=None)


def _of_monitor(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.by == "monitor"]


def _last(lines: Sequence[Line]) -> Ended | None:
    return next((line for line in reversed(lines) if isinstance(line, Ended) and not line.blind), None)
