"""The journal: who did what to production, when, why, with what result. Evidence, not memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery.log_group import LogGroup
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
        self._group = LogGroup(logs, JOURNAL_LOG_GROUP)
        self._clock = clock
        self.who = who

    def write(self, stack: StackName, what: str, result: str, rollout: str = "", detail: str = "") -> None:
        """Add a line; raise LinesRejected if CloudWatch did not keep it, NotBootstrapped if there is no journal."""
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
        self._group.put(str(stack), [(int(now.timestamp() * 1000), msgspec.json.encode(line).decode())])
