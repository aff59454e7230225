"""The journal: who did what to production, when, why, with what result. Evidence, not memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import CoinQueryError, NotBootstrapped
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

    from coinquery.clock import Clock
    from coinquery.naming import StackName


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``what`` names the action, ``result`` is ``begins`` before it and its outcome after."""

    time: str
    who: str
    stack: str
    what: str
    result: str
    rollout: str = ""
    detail: str = ""


class Journal:
    """One CloudWatch Logs stream a stack, in the home region. If it can't be written, production is not changed."""

    def __init__(self, logs: CloudWatchLogsClient, clock: Clock, who: str) -> None:
        self._logs = logs
        self._clock = clock
        self.who = who

    def write(self, stack: StackName, what: str, result: str, rollout: str = "", detail: str = "") -> None:
        """Add a line; raise CoinQueryError if CloudWatch did not keep it."""
        now = self._clock.now()
        line = Line(
            time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            who=self.who,
            stack=str(stack),
            what=what,
            result=result,
            rollout=rollout,
            detail=detail,
        )
        event = {"timestamp": int(now.timestamp() * 1000), "message": msgspec.json.encode(line).decode()}
        self._put(str(stack), event)

    def _put(self, stream: str, event: dict[str, object]) -> None:
        try:
            answer = self._send(stream, event)
        except self._logs.exceptions.ResourceNotFoundException:
            self._make_stream(stream)
            answer = self._send(stream, event)
        if answer.get("rejectedLogEventsInfo"):
            raise CoinQueryError(
                f"the journal did not keep a line of {stream}: {answer['rejectedLogEventsInfo']}",
                "Is this machine's clock right? Nothing was changed; run the same command again.",
            )

    def _send(self, stream: str, event: dict[str, object]) -> dict[str, object]:
        return dict(
            self._logs.put_log_events(
                logGroupName=JOURNAL_LOG_GROUP,
                logStreamName=stream,
                logEvents=[event],  # type: ignore[list-item]
            )
        )

    def _make_stream(self, stream: str) -> None:
        try:
            self._logs.create_log_stream(logGroupName=JOURNAL_LOG_GROUP, logStreamName=stream)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return
        except self._logs.exceptions.ResourceNotFoundException:
            region = self._logs.meta.region_name
            raise NotBootstrapped(
                f"the journal {JOURNAL_LOG_GROUP} is not in the home region {region}",
                f"Run: cq bootstrap --region {region}",
            ) from None
