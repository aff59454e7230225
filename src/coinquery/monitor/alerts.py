"""Which alerts stand after a sweep, and what the team must be told of them: a pure function of before and now.

    raised      bad in some of the last sweeps and in the newest: once, however long it lasts or flaps
    escalated   it became graver: once
    resolved    good for a whole window of sweeps
    closed      what it was about is gone

An alert is a time of trouble: it begins with the first bad sweep and is over after a window of good ones. A sweep that
can't tell (``bad`` None) changes nothing. While a stack is silenced its alerts go on and are not raised; what is still
bad at the end is raised then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from coinquery.durations import lasting
from coinquery.monitor.finding import Finding, Severity
from coinquery.monitor.findings import findings, gone, title
from coinquery.monitor.outlook import Outlook
from coinquery.monitor.records import Moment

Kind = Literal["raised", "escalated", "resolved", "closed"]


class Rules(msgspec.Struct, frozen=True):
    """Raise when ``bad`` of the last ``window`` sweeps are bad; resolve after ``window`` good ones in a row.

    Sweeps closer together than ``spacing`` seconds, as a rollout asks for them, count as one, a bad one if any is bad.
    """

    bad: int = 3
    window: int = 5
    spacing: float = 30


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key from sweep to sweep.

    ``recent`` holds the last sweeps that could tell, the newest last; True is bad. ``newest`` is the time of the last
    of them. ``since`` is the first bad sweep, ``last`` the last bad one. ``told`` is the gravest severity that the team
    was told, None if it was told nothing.
    """

    key: str
    recent: tuple[bool, ...]
    newest: Moment
    since: Moment
    last: Moment
    told: Severity | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the team must be told: the alert's ``title``, and ``sentences`` in the order of their use."""

    key: str
    kind: Kind
    severity: Severity
    title: str
    sentences: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The stack or the name that it is about, or the region of the monitor."""
        return self.key.partition(":")[2]


@dataclass(frozen=True)
class Step:
    """What one sweep makes of the alerts: ``notices`` to deliver, and how the alerts are kept after that."""

    notices: tuple[Notice, ...]
    _observed: Mapping[str, Alert]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts to keep when every notice was delivered."""
        return self.untold(())

    def untold(self, undelivered: Iterable[Notice]) -> tuple[Alert, ...]:
        """The alerts to keep when these notices were not delivered: the next sweep will tell them again."""
        missed = {notice.key for notice in undelivered}
        told = {notice.key: notice for notice in self.notices if notice.key not in missed}
        kept = (_told(alert, told.get(key)) for key, alert in self._observed.items())
        return tuple(alert for alert in kept if alert is not None)


def step(before: Iterable[Alert], outlook: Outlook, rules: Rules = Rules()) -> Step:  # noqa: B008 - frozen
    """From the alerts that the last sweep kept, and what this one says, to what must be told and kept."""
    found, known = findings(outlook), {alert.key: alert for alert in before}
    observed: dict[str, Alert] = {}
    notices: list[Notice] = []
    for key in sorted(known.keys() | found.keys()):
        finding = found.get(key)
        alert = _observe(known.get(key), finding, outlook.time, rules)
        if alert is None:
            continue
        reason = gone(key, outlook) if finding is None else None
        notice = _notice(alert, finding, outlook, rules) if finding is not None else _closed(alert, reason)
        if alert.told is not None or (not _is_over(alert, rules) and reason is None):
            observed[key] = alert
        if notice is not None:
            notices.append(notice)
    return Step(tuple(notices), observed)


def _observe(alert: Alert | None, finding: Finding | None, now: datetime, rules: Rules) -> Alert | None:
    """The alert with this sweep in its history; None if there is and was no trouble."""
    if finding is None or finding.bad is None:
        return alert
    if alert is None:
        return Alert(key=finding.key, recent=(True,), newest=now, since=now, last=now) if finding.bad else None
    alert = _count(alert, finding.bad, now, rules)
    fresh = finding.bad and alert.told is None and sum(alert.recent) == 1 and alert.newest == now
    return msgspec.structs.replace(alert, since=now if fresh else alert.since, last=now if finding.bad else alert.last)


def _count(alert: Alert, bad: bool, now: datetime, rules: Rules) -> Alert:
    """The alert with one more sweep in its history, or the newest one changed if this one came right after it."""
    if (now - alert.newest).total_seconds() < rules.spacing:
        return msgspec.structs.replace(alert, recent=(*alert.recent[:-1], alert.recent[-1] or bad))
    return msgspec.structs.replace(alert, recent=(*alert.recent, bad)[-rules.window :], newest=now)


def _notice(alert: Alert, finding: Finding, outlook: Outlook, rules: Rules) -> Notice | None:
    """What must be told of an alert whose subject was looked at."""
    if alert.told is not None and _is_over(alert, rules):
        return _say(alert, "resolved", alert.told, finding.left, _lasted(alert))
    silenced = any(outlook.is_silenced(stack) for stack in finding.silenced_by)
    if not finding.bad or silenced:
        return None
    what = (finding.left, finding.seen, _since(alert), finding.do)
    if alert.told is None and sum(alert.recent) >= rules.bad:
        return _say(alert, "raised", finding.severity, *what)
    if alert.told == "warning" and finding.severity == "page":
        return _say(alert, "escalated", "page", *what)
    return None


def _closed(alert: Alert, reason: str | None) -> Notice | None:
    """What must be told of an alert whose subject is gone."""
    if alert.told is None or reason is None:
        return None
    return _say(alert, "closed", alert.told, reason, _lasted(alert))


def _told(alert: Alert, notice: Notice | None) -> Alert | None:
    """The alert after its notice was delivered, if it has one; None when there is nothing more to be told."""
    if notice is None:
        return alert
    if notice.kind in ("resolved", "closed"):
        return None
    return msgspec.structs.replace(alert, told=notice.severity)


def _is_over(alert: Alert, rules: Rules) -> bool:
    return len(alert.recent) >= rules.window and not any(alert.recent[-rules.window :])


def _say(alert: Alert, kind: Kind, severity: Severity, *sentences: str) -> Notice:
    said = tuple(sentence for sentence in sentences if sentence)
    return Notice(key=alert.key, kind=kind, severity=severity, title=title(alert.key), sentences=said)


def _since(alert: Alert) -> str:
    return f"Since {_clock(alert.since)}, in {sum(alert.recent)} of the last {len(alert.recent)} sweeps."


def _lasted(alert: Alert) -> str:
    seconds = (alert.last - alert.since).total_seconds()
    return f"It lasted {lasting(seconds)}: seen from {_clock(alert.since)} to {_clock(alert.last)}."


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"
