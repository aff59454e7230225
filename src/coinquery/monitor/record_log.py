"""Where records are kept: one CloudWatch Logs stream for each stack."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from coinquery.errors import NotBootstrapped, RecordsRejected
from coinquery.monitor import records
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import GetLogEventsResponseTypeDef, InputLogEventTypeDef

#: Limits of one PutLogEvents: events, bytes with their overhead, bytes of overhead an event.
MOST_EVENTS, MOST_BYTES, OVERHEAD = 10_000, 1_048_576, 26


class RecordLog:
    """Writes and reads the records of one region."""

    def __init__(self, logs: CloudWatchLogsClient, group: str = LOG_GROUP) -> None:
        self._logs = logs
        self._group = group

    def write(self, written: Iterable[Record]) -> None:
        """Write records into their stacks' streams, which are made where they are missing.

        Raises RecordsRejected if CloudWatch dropped one (which it does with status 200), NotBootstrapped if there is no
        log group.
        """
        ordered = sorted(written, key=lambda record: (record.stack, record.time))
        for stack, of_stack in groupby(ordered, key=lambda record: record.stack):
            for batch in _batches(of_stack):
                self._put(stack, batch)

    def read(self, stack: str, since: datetime) -> list[Record]:
        """A stack's records since a moment, oldest first. Lines that are no record of that stack are passed over."""
        return _of_stack(stack, self._lines(stack, max(0, records.milliseconds(since))))

    def latest(self, stack: str, limit: int) -> list[Record]:
        """A stack's newest records, at most ``limit`` of them, oldest first."""
        try:
            page = self._logs.get_log_events(
                logGroupName=self._group, logStreamName=stack, limit=limit, startFromHead=False
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        return _of_stack(stack, _messages(page))

    def _lines(self, stack: str, start: int) -> Iterator[str]:
        """Every line of a stream since ``start``, in milliseconds. Its end is where the token stays the same."""
        pages = partial(
            self._logs.get_log_events,
            logGroupName=self._group,
            logStreamName=stack,
            startTime=start,
            startFromHead=True,
        )
        try:
            page, token = pages(), ""
            while page["nextForwardToken"] != token:
                yield from _messages(page)
                token = page["nextForwardToken"]
                page = pages(nextToken=token)
        except self._logs.exceptions.ResourceNotFoundException:
            return

    def _put(self, stack: str, batch: Sequence[InputLogEventTypeDef]) -> None:
        try:
            self._put_once(stack, batch)
        except self._logs.exceptions.ResourceNotFoundException:
            self._make_stream(stack)
            self._put_once(stack, batch)

    def _put_once(self, stack: str, batch: Sequence[InputLogEventTypeDef]) -> None:
        answer = self._logs.put_log_events(logGroupName=self._group, logStreamName=stack, logEvents=batch)
        rejected = answer.get("rejectedLogEventsInfo")
        if rejected:
            raise RecordsRejected(
                f"CloudWatch Logs dropped records of {stack}: {dict(rejected)}",
                "Check the clock of the machine that runs the monitor; events far in the past or future are dropped.",
            )

    def _make_stream(self, stack: str) -> None:
        try:
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=stack)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return
        except self._logs.exceptions.ResourceNotFoundException:
            raise NotBootstrapped(
                f"no log group {self._group} in this region", "Run `cq bootstrap` for the region."
            ) from None


def _messages(page: GetLogEventsResponseTypeDef) -> Iterator[str]:
    return (event.get("message", "") for event in page["events"])


def _of_stack(stack: str, lines: Iterable[str]) -> list[Record]:
    decoded = (records.decode(line) for line in lines)
    return sorted((record for record in decoded if record and record.stack == stack), key=lambda record: record.time)


def _batches(written: Iterable[Record]) -> Iterator[list[InputLogEventTypeDef]]:
    batch: list[InputLogEventTypeDef] = []
    size = 0
    for record in written:
        message = records.encode(record)
        weight = len(message.encode()) + OVERHEAD
        if batch and (len(batch) == MOST_EVENTS or size + weight > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": record.timestamp, "message": message})
        size += weight
    if batch:
        yield batch
