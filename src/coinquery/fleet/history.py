"""The journal, read by people: who did what, when, why, with what result (``cq history``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import aws
from coinquery.errors import NotBootstrapped
from coinquery.stacks import journal
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from types_boto3_logs import CloudWatchLogsClient

    from coinquery.stacks.journal import Line

#: What the history says of an event that is no line of the journal: it is shown, for it is evidence of something.
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for: of one stack, or of every stream whose name begins with ``prefix``.

    ``since`` is None for all that CloudWatch keeps.
    """

    stack: str = ""
    prefix: str = ""
    since: datetime | None = None


def read(logs: CloudWatchLogsClient, wanted: Wanted) -> list[Line]:
    """The lines, oldest first, over all pages; raise NotBootstrapped if the home region has no journal.

    A stack without a line has none: that is no error.
    """
    events = sorted(_events(logs, wanted), key=lambda event: event.get("timestamp", 0))
    lines = (_line(event) for event in events)
    return [line for line in lines if line.stack.startswith(wanted.prefix)]


def _events(logs: CloudWatchLogsClient, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    chosen: dict[str, Any] = {"logGroupName": JOURNAL_LOG_GROUP}
    if wanted.stack:
        chosen["logStreamNames"] = [wanted.stack]
    elif wanted.prefix:
        chosen["logStreamNamePrefix"] = wanted.prefix
    if wanted.since is not None:
        chosen["startTime"] = int(wanted.since.timestamp() * 1000)
    try:
        yield from aws.pages(logs, "filter_log_events", "events", **chosen)
    except logs.exceptions.ResourceNotFoundException as error:
        if wanted.stack and "stream" in str(error).lower():
            return
        region = logs.meta.region_name
        raise NotBootstrapped(
            f"no log group {JOURNAL_LOG_GROUP} in {region}", f"Run: cq bootstrap --region {region}"
        ) from None


def _line(event: Mapping[str, Any]) -> Line:
    text, stream = str(event.get("message", "")), str(event.get("logStreamName", ""))
    return journal.read(text) or journal.Line(
        time=_time(event.get("timestamp", 0)), who="", stack=stream, what=UNREADABLE, result="", detail=text
    )


def _time(milliseconds: int) -> str:
    from datetime import UTC, datetime, timedelta

    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
