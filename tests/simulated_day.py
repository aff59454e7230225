"""A day of sweeps over a simulated production: two coins, two regions, a sweep a minute in each.

``Production`` is the world: its stacks with their instances' verdicts, where the names lead, silences, Slack. A story
changes it at written times. Everything from the outlook on is the real thing: findings, alerts, wording, and the state
goes through JSON between two sweeps as it does in the sweep's line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from coinquery.monitor.alerts import Alert, Notice, step
from coinquery.monitor.outlook import InstanceOutlook, NameOutlook, Outlook, Role, StackOutlook
from coinquery.monitor.verdict import SERVING, Verdict
from coinquery.notify.alert_messages import alert
from tests.slack_rules import violations

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = 24 * 60


@dataclass
class Machines:
    """One stack: the verdict of each of its instances. ``off`` is what of its protection is off."""

    region: str
    expected: int
    verdicts: dict[str, Verdict]
    off: tuple[str, ...] = ()


@dataclass
class Name:
    """One public name: where its record leads, None if to none of ours, and the certificate's days."""

    region: str
    stack: str | None
    way_back: str | None
    certificate_days: int = 60
    behind: tuple[str, ...] = ()


@dataclass
class Production:
    """The simulated production. A change of the story is a function that is handed it."""

    stacks: dict[str, Machines]
    names: dict[str, Name]
    silences: dict[str, datetime] = field(default_factory=dict)
    died: tuple[str, ...] = ()
    slack_answers: bool = True

    def all_are(self, stack: str, verdict: Verdict) -> None:
        """Every instance of the stack becomes this."""
        self.stacks[stack].verdicts = dict.fromkeys(self.stacks[stack].verdicts, verdict)

    def outlook(self, region: str, time: datetime) -> Outlook:
        """What the region's sweep at that time sees."""
        names = tuple(self._name(coin, time) for coin, name in self.names.items() if name.region == region)
        live, back = {name.stack for name in names}, {name.way_back for name in names}

        def role(stack: str) -> Role:
            return "live" if stack in live else "way-back" if stack in back else "other"

        return Outlook(
            time=time,
            sweep=f"{time:%H%M}",
            region=region,
            stacks=tuple(
                StackOutlook(
                    stack=stack,
                    coin=stack.split("-")[1],
                    role=role(stack),
                    expected=machines.expected,
                    instances=tuple(
                        InstanceOutlook(
                            instance=instance,
                            verdict=verdict,
                            reason=f"as the story has it: {verdict}",
                            has_head=verdict != "unknown",
                        )
                        for instance, verdict in machines.verdicts.items()
                    ),
                    unprotected=machines.off,
                )
                for stack, machines in self.stacks.items()
                if machines.region == region
            ),
            names=names,
            silences={stack: until for stack, until in self.silences.items() if until > time},
            died=self.died if region == "us-east-1" else (),
        )

    def _name(self, coin: str, time: datetime) -> NameOutlook:
        """A load balancer answers as long as one of its stack's services does, however far behind the node is."""
        name, where = self.names[coin], f"{coin}.example.com"
        if name.stack is None:
            problem = f"{where} leads to none of our production stacks but to other.example.org"
            return NameOutlook(coin=coin, name=where, stack=None, answers=False, problems=(problem,))
        reached = any(verdict != "unreachable" for verdict in self.stacks[name.stack].verdicts.values())
        return NameOutlook(
            coin=coin,
            name=where,
            stack=name.stack,
            answers=reached,
            problems=() if reached else (f"https://{where}/info at 198.51.100.7: HTTP 503",),
            certificate_days=name.certificate_days if reached else None,
            way_back=name.way_back,
            way_back_problems=tuple(self._behind(name.way_back)),
        )

    def _behind(self, way_back: str | None) -> Iterator[str]:
        for instance, verdict in self.stacks[way_back].verdicts.items() if way_back in self.stacks else ():
            if verdict not in SERVING:
                yield f"{way_back} has fallen behind and is no way back: {instance} is {verdict}"


Change = Callable[[Production], object]


def told(production: Production, story: list[tuple[str, Change]]) -> Iterator[tuple[datetime, Notice]]:
    """Live through the day: the time and the notice of each message that reached the team."""
    due = sorted(((_at(clock), change) for clock, change in story), key=lambda entry: entry[0])
    regions = sorted({machines.region for machines in production.stacks.values()})
    state = dict.fromkeys(regions, b"[]")
    for minute in range(MINUTES):
        time = MIDNIGHT + timedelta(minutes=minute)
        while due and due[0][0] <= time:
            due.pop(0)[1](production)
        for region in regions:
            before = msgspec.json.decode(state[region], type=tuple[Alert, ...])
            decided = step(before, production.outlook(region, time))
            assert not [each for notice in decided.notices for each in violations(alert(notice, region))]
            undelivered = () if production.slack_answers else decided.tellings
            state[region] = msgspec.json.encode(decided.untold(undelivered))
            yield from ((time, notice) for notice in decided.notices if production.slack_answers)


def _at(clock: str) -> datetime:
    hour, minute = clock.split(":")
    return MIDNIGHT + timedelta(hours=int(hour), minutes=int(minute))
