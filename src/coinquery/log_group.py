"""A log group of CloudWatch Logs: lines put into its streams, which are made where they are missing, and read back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coinquery.errors import LinesRejected, NotBootstrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import GetLogEventsResponseTypeDef, InputLogEventTypeDef

#: Limits of one PutLogEvents: events, bytes with their overhead, bytes of overhead an event.
MOST_EVENTS, MOST_BYTES, OVERHEAD = 10_000, 1_048_576, 26


class LogGroup:
    """The streams of one group in the client's region."""

    def __init__(self, logs: CloudWatchLogsClient, name: str) -> None:
        self._logs = logs
        self._name = name

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        """Write lines, each with its time in milliseconds since 1970, oldest first.

        Raises LinesRejected if CloudWatch dropped one (which it does with status 200), NotBootstrapped if there is no
        such group.
        """
        for batch in _batches(lines):
            try:
                self._put_once(stream, batch)
            except self._logs.exceptions.ResourceNotFoundException:
                self._make(stream)
                self._put_once(stream, batch)

    def since(self, stream: str, start: int) -> Iterator[str]:
        """Every line of a stream since ``start``, in milliseconds. Its end is where the token stays the same."""
        ask = partial(self._events, stream, startTime=max(0, start), startFromHead=True)
        page, token = ask(), ""
        while page is not None and page["nextForwardToken"] != token:
            yield from _lines(page)
            token = page["nextForwardToken"]
            page = ask(nextToken=token)

    def newest(self, stream: str, limit: int) -> list[str]:
        """A stream's newest lines, at most ``limit`` of them, oldest first. AWS may answer pages that hold none."""
        found: list[str] = []
        page, token = self._events(stream, limit=limit, startFromHead=False), ""
        while page is not None and page["nextBackwardToken"] != token:
            found = [*_lines(page), *found]
            if len(found) >= limit:
                break
            token = page["nextBackwardToken"]
            page = self._events(stream, limit=limit, startFromHead=False, nextToken=token)
        return found[-limit:]

    def _events(self, stream: str, **what: Any) -> GetLogEventsResponseTypeDef | None:
        """One page; None where there is no such stream."""
        try:
            return self._logs.get_log_events(logGroupName=self._name, logStreamName=stream, **what)
        except self._logs.exceptions.ResourceNotFoundException:
            return None

    def _put_once(self, stream: str, batch: Sequence[InputLogEventTypeDef]) -> None:
        answer = self._logs.put_log_events(logGroupName=self._name, logStreamName=stream, logEvents=batch)
        rejected = answer.get("rejectedLogEventsInfo")
        if rejected:
            raise LinesRejected(
                f"CloudWatch Logs dropped lines of {stream} in {self._name}: {dict(rejected)}",
                "Lines 14 days old or 2 h ahead are dropped (PutLogEvents). Set this machine's clock; then run "
                "the same command again.",
            )

    def _make(self, stream: str) -> None:
        try:
            self._logs.create_log_stream(logGroupName=self._name, logStreamName=stream)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return
        except self._logs.exceptions.ResourceNotFoundException:
            region = self._logs.meta.region_name
            raise NotBootstrapped(
                f"no log group {self._name} in {region}", f"Run: cq bootstrap --region {region}"
            ) from None


def _lines(page: GetLogEventsResponseTypeDef) -> list[str]:
    return [event.get("message", "") for event in page["events"]]


def _batches(lines: Sequence[tuple[int, str]]) -> Iterator[list[InputLogEventTypeDef]]:
    batch: list[InputLogEventTypeDef] = []
    size = 0
    for time, line in lines:
        weight = len(line.encode()) + OVERHEAD
        if batch and (len(batch) == MOST_EVENTS or size + weight > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": time, "message": line})
        size += weight
    if batch:
        yield batch
