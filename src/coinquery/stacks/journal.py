"""The journal: who did what to production, when, why, with what result. Evidence, not memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery import stored
from coinquery.log_group import LogGroup
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

    from coinquery.clock import Clock

BEGINS, CARRIED_ON, DONE, REFUSED = "begins", "carried on", "done", "refused"
FAILED, NOT_FINISHED = "failed", "not finished"

#: How the names of streams begin that belong to no stack: those of a region's bootstrap.
OTHERS = "bootstrap-"

#: How much of one field is kept; an event of CloudWatch Logs has its limit, and a reader has another.
LONGEST_FIELD = 2000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line: ``what`` names the action, ``result`` is ``begins`` before it and its outcome after.

    ``why`` is the command and its release, or the reason that a person gave. Lines of before have none.
    """

    time: str
    who: str
    stack: str
    what: str
    result: str
    rollout: str = ""
    why: str = ""
    detail: str = ""


class Journal:
    """One CloudWatch Logs stream a stack, in the home region. If it can't be written, production is not changed."""

    def __init__(self, logs: CloudWatchLogsClient, clock: Clock, who: str) -> None:
        self._group = LogGroup(logs, JOURNAL_LOG_GROUP)
        self._clock = clock
        self.who = who

    def write(self, stack: object, what: str, result: str, rollout: str = "", detail: str = "", why: str = "") -> None:
        """Add a line; raise LinesRejected if CloudWatch did not keep it, NotBootstrapped if there is no journal."""
        now = self._clock.now()
        line = Line(
            time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            who=self.who,
            stack=str(stack),
            what=what,
            result=result,
            rollout=rollout,
            why=_fit(why),
            detail=_fit(detail),
        )
        self._group.put(str(stack), [(int(now.timestamp() * 1000), msgspec.json.encode(line).decode())])

    def newest(self, stack: object, limit: int) -> list[Line]:
        """The newest lines of a stack, oldest first; what is no line of the journal is left out."""
        return [line for line in map(read, self._group.newest(str(stack), limit)) if line is not None]


def read(text: str) -> Line | None:
    """A line of the journal; None for text that is none."""
    try:
        return msgspec.json.decode(text, type=Line)
    except stored.NOT_OF_KIND:
        return None


def _fit(text: str) -> str:
    """The text as a log can hold it: no half characters, and not without end."""
    sound = text.encode("utf-8", "replace").decode()
    return sound if len(sound) <= LONGEST_FIELD else sound[: LONGEST_FIELD - 1] + "…"
