"""Where records are kept: one CloudWatch Logs stream for each stack."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from coinquery.log_group import LogGroup
from coinquery.monitor import records
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from types_boto3_logs import CloudWatchLogsClient


class RecordLog:
    """Writes and reads the records of one region."""

    def __init__(self, logs: CloudWatchLogsClient, group: str = LOG_GROUP) -> None:
        self._group = LogGroup(logs, group)

    def write(self, written: Iterable[Record]) -> None:
        """Write records into their stacks' streams. Raises LinesRejected or NotBootstrapped."""
        ordered = sorted(written, key=lambda record: (record.stack, record.time))
        for stack, of_stack in groupby(ordered, key=lambda record: record.stack):
            self._group.put(stack, [(record.timestamp, records.encode(record)) for record in of_stack])

    def read(self, stack: str, since: datetime) -> list[Record]:
        """A stack's records since a moment, oldest first. Lines that are no record of that stack are passed over."""
        return _of_stack(stack, self._group.since(stack, records.milliseconds(since)))

    def latest(self, stack: str, limit: int) -> list[Record]:
        """A stack's newest records, at most ``limit`` of them, oldest first."""
        return _of_stack(stack, self._group.newest(stack, limit))


def _of_stack(stack: str, lines: Iterable[str]) -> list[Record]:
    decoded = (records.decode(line) for line in lines)
    return sorted((record for record in decoded if record and record.stack == stack), key=lambda record: record.time)
