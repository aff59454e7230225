"""Which alerts stand after a sweep, and what the team must be told of them: a pure function of before and now.

    raised      bad in some of the last sweeps and in the newest: once, however long it lasts or flaps
    escalated   it became graver: once
    resolved    good for a whole window of sweeps
    closed      what it was about is gone

An alert is a time of trouble: it begins with the first bad sweep and is over after a window of good ones. A sweep that
can't tell (``bad`` None) changes nothing. While a stack is silenced its alerts go on and are not raised; what is still
bad at the end is raised then.

Each channel is told by itself, and once: one that did not take a notice is told again while the others are not, and
the all-clear goes to those that were told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import msgspec

from coinquery.durations import lasting
from coinquery.monitor.finding import Finding, Severity
from coinquery.monitor.findings import findings, gone, title
from coinquery.monitor.outlook import Outlook
from coinquery.monitor.records import Moment

Kind = Literal["raised", "escalated", "resolved", "closed"]
#: Who is told, in this order: what must wake somebody comes first.
Channel = Literal["pager", "slack"]
GRAVITY: tuple[Severity, ...] = ("warning", "page")


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
    was told of this trouble, None if it was told nothing; ``heard`` the gravest that each channel was told and has no
    all-clear of, also of trouble before. An alert that was ``told`` and says no channel was kept before they were: all
    had heard it.
    """

    key: str
    recent: tuple[bool, ...]
    newest: Moment
    since: Moment
    last: Moment
    told: Severity | None = None
    heard: dict[Channel, Severity] = {}

    def __post_init__(self) -> None:
        if self.told is not None and not self.heard:
            msgspec.structs.force_setattr(self, "heard", dict.fromkeys(audience(self.key, self.told), self.told))


def audience(key: str, severity: Severity) -> tuple[Channel, ...]:
    """Who must hear of an alert. An outage has an alarm of its own, which pages."""
    return ("pager", "slack") if severity == "page" and not key.startswith("outage:") else ("slack",)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the team must be told: the alert's ``title``, and ``sentences`` in the order of their use.

    ``to`` are the channels that were not told yet.
    """

    key: str
    kind: Kind
    severity: Severity
    title: str
    sentences: tuple[str, ...]
    to: tuple[Channel, ...] = ("slack",)

    @property
    def subject(self) -> str:
        """The stack or the name that it is about, or the region of the monitor."""
        return self.key.partition(":")[2]


Telling = tuple[Notice, Channel]


@dataclass(frozen=True)
class Step:
    """What one sweep makes of the alerts: ``notices`` to deliver, and how the alerts are kept after that."""

    notices: tuple[Notice, ...]
    _observed: Mapping[str, Alert]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts to keep when every notice was delivered."""
        return self.untold(())

    @property
    def tellings(self) -> tuple[Telling, ...]:
        """Which notice is to be told to which channel, all for the pager first."""
        channels: tuple[Channel, ...] = get_args(Channel)
        return tuple((notice, channel) for channel in channels for notice in self.notices if channel in notice.to)

    def untold(self, undelivered: Iterable[Telling]) -> tuple[Alert, ...]:
        """The alerts to keep when these were not delivered: the next sweep will tell them again."""
        missed = {(notice.key, channel) for notice, channel in undelivered}
        took: dict[str, list[Channel]] = {}
        for notice, channel in self.tellings:
            if (notice.key, channel) not in missed:
                took.setdefault(notice.key, []).append(channel)
        notices = {notice.key: notice for notice in self.notices}
        kept = (_told(alert, notices.get(key), took.get(key, ())) for key, alert in self._observed.items())
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
        if alert.heard or (not _is_over(alert, rules) and reason is None):
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
    if alert.heard and _is_over(alert, rules):
        return _say(alert, "resolved", _gravest(alert), tuple(alert.heard), finding.left, _lasted(alert))
    silenced = any(outlook.is_silenced(stack) for stack in finding.silenced_by)
    if not finding.bad or silenced:
        return None
    to = _unaware(alert, finding.severity)
    if not to or (alert.told is None and sum(alert.recent) < rules.bad):
        return None
    kind: Kind = "escalated" if alert.told == "warning" else "raised"
    return _say(alert, kind, finding.severity, to, finding.left, finding.seen, _since(alert), finding.do)


def _unaware(alert: Alert, severity: Severity) -> tuple[Channel, ...]:
    """Who must hear of it and has not, or of nothing as grave."""
    graver = GRAVITY[GRAVITY.index(severity) :]
    return tuple(each for each in audience(alert.key, severity) if alert.heard.get(each) not in graver)


def _closed(alert: Alert, reason: str | None) -> Notice | None:
    """What must be told of an alert whose subject is gone."""
    if not alert.heard or reason is None:
        return None
    return _say(alert, "closed", _gravest(alert), tuple(alert.heard), reason, _lasted(alert))


def _told(alert: Alert, notice: Notice | None, took: Collection[Channel]) -> Alert | None:
    """The alert after these channels took its notice, if it has one; None when there is nothing more to be told."""
    if notice is None or not took:
        return alert
    if notice.kind in ("resolved", "closed"):
        left = {channel: heard for channel, heard in alert.heard.items() if channel not in took}
        return msgspec.structs.replace(alert, told=None, heard=left) if left else None
    heard = alert.heard | dict.fromkeys(took, notice.severity)
    return msgspec.structs.replace(alert, told=notice.severity, heard=heard)


def _gravest(alert: Alert) -> Severity:
    return max(alert.heard.values(), key=GRAVITY.index)


def _is_over(alert: Alert, rules: Rules) -> bool:
    return len(alert.recent) >= rules.window and not any(alert.recent[-rules.window :])


def _say(alert: Alert, kind: Kind, severity: Severity, to: tuple[Channel, ...], *sentences: str) -> Notice:
    said = tuple(sentence for sentence in sentences if sentence)
    return Notice(key=alert.key, kind=kind, severity=severity, title=title(alert.key), sentences=said, to=to)


def _since(alert: Alert) -> str:
    return f"Since {_clock(alert.since)}, in {sum(alert.recent)} of the last {len(alert.recent)} sweeps."


def _lasted(alert: Alert) -> str:
    seconds = (alert.last - alert.since).total_seconds()
    return f"It lasted {lasting(seconds)}: seen from {_clock(alert.since)} to {_clock(alert.last)}."


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"
