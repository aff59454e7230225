"""The ladder: what must hold before a stack may go, each rung a check that says what it saw (I6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.dns.world import World
from coinquery.dns.zone import Zone
from coinquery.errors import NameNotTyped, Refused, StackInUse, StackIsLive
from coinquery.rollout import way_back
from coinquery.rollout.proof import MonitorProof, told
from coinquery.stacks import inventory, requests
from coinquery.stacks.notes import GIVEN_BACK, GIVING_BACK, RETIRED, SWITCHED, of_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coinquery.dns.world import Answer
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class Rung:
    """One check: whether it holds, what it saw, and which error refuses if it does not."""

    title: str
    holds: bool
    saw: str
    refusal: type[Refused]


class Ladder:
    """The rungs for one stack. ``typed`` is the name as a person typed it, None if nobody was asked."""

    def __init__(self, means: Means, stack: Stack, typed: str | None) -> None:
        self._means = means
        self._stack = stack
        self._typed = typed
        self._notes: Notes = of_id(means.store, stack.rollout)
        self._back = way_back.read(self._notes)
        self._live = inventory.leading(inventory.everywhere(means.aws, means.config), means.names.read())

    def rungs(self) -> Iterator[Rung]:
        """All rungs, cheapest first; a stack that never was live has fewer to climb."""
        yield self._name_typed()
        yield self._not_live()
        yield self._no_move_under_way()
        if self._back is None or self._notes.marked(RETIRED) is not None:
            return
        yield from (check() for check in self._once_live())

    def climb(self) -> None:
        """Raise the refusal of the first rung that does not hold."""
        for rung in self.rungs():
            if not rung.holds:
                raise rung.refusal(f"{self._stack.name} stays: {rung.title}: {rung.saw}", "Nothing was changed.")

    def _once_live(self) -> tuple[Callable[[], Rung], ...]:
        always = (self._old_answers_gone, self._quiet)
        return (*always, self._successor, self._way_back_over) if self._stack.name.is_production else always

    def _name_typed(self) -> Rung:
        name = str(self._stack.name)
        holds = self._typed == name or not self._stack.name.is_production
        saw = "typed in full" if holds else f"the typed name is {self._typed!r}" if self._typed else "no name was typed"
        return Rung("the name is typed in full", holds, saw, NameNotTyped)

    def _not_live(self) -> Rung:
        """Looks through every zone of the configuration: a record made by hand leads there as well as one of ours."""
        hosts = [host for key, host in self._stack.outputs.items() if key.endswith("LoadBalancerDnsName")]
        levels = self._means.config.levels.values()
        zones = sorted({zone for level in levels for zone in (level.public_zone, level.private_zone) if zone})
        led = [name for zone in zones for name in Zone(self._means.aws.route53(), zone).leading_to(hosts)]
        return Rung("not live", not led, f"{', '.join(led) or 'no name'} leads to it", StackIsLive)

    def _no_move_under_way(self) -> Rung:
        """A process may be about to move a name here: it has noted so, and may not have moved it yet."""
        title = "no move of a name to it is under way"
        now, limit = self._means.clock.now(), timedelta(seconds=self._means.config.waits.dns_sync.seconds)
        if self._back is not None and self._notes.marked(SWITCHED) is None:
            since = datetime.fromisoformat(self._back.time)
            return Rung(title, now - since > limit, f"a switch to it was begun at {since:%H:%M:%S}Z", StackIsLive)
        giving = None if self._live is None else of_id(self._means.store, self._live.rollout)
        back = None if giving is None else way_back.read(giving)
        if giving is None or back is None or back.stack != str(self._stack.name):
            return Rung(title, True, "none", StackIsLive)
        under_way = giving.marked(GIVING_BACK) is not None and giving.marked(GIVEN_BACK) is None
        return Rung(
            title, not under_way, f"a way back to it {'was begun' if under_way else 'is not begun'}", StackIsLive
        )

    def _old_answers_gone(self) -> Rung:
        title, since = "the old answer's time is over", self._moved_away()
        answers = self._ask_servers()
        problems = [f"{answer.server}: {answer.problem}" for answer in answers if answer.problem]
        if since is None or problems or not answers:
            return Rung(title, False, "; ".join(problems) or "nobody noted when the name moved away", StackInUse)
        longest = max(answer.ttl for answer in answers)
        over = self._means.clock.now() >= since + timedelta(seconds=longest)
        return Rung(title, over, f"the name moved away at {since:%H:%M:%S}Z, answers live {longest} s", StackInUse)

    def _ask_servers(self) -> list[Answer]:
        names, config = self._means.names, self._means.config
        world = World(config.listener.https_port, config.verify.ca_bundle)
        return world.ask(config.verify.name_servers or names.check(), names.public.name)

    def _quiet(self) -> Rung:
        window = self._means.config.waits.quiet
        cloudwatch = self._means.aws.cloudwatch(self._stack.region)
        seen = requests.traffic(cloudwatch, self._stack, window, self._means.clock.now())
        saw = f"{seen.requests} requests in the last {window}" if seen.known else f"no metrics in the last {window}"
        return Rung("no requests", seen.known and seen.requests == 0, saw, StackInUse)

    def _successor(self) -> Rung:
        live, means = self._live, self._means
        if live is None:
            return Rung("a healthy successor is live", False, "no stack of ours is live", Refused)
        gaps = MonitorProof(means.aws, means.config, means.clock, live.region, lambda: live).gaps()
        saw = told(gaps) or "proven"
        return Rung("a healthy successor is live", not gaps, f"{live.name}: {saw}", Refused)

    def _way_back_over(self) -> Rung:
        title, length = "nobody needs it as the way back", self._means.config.waits.way_back
        if self._live is None:
            return Rung(title, False, "no stack of ours is live", Refused)
        notes = of_id(self._means.store, self._live.rollout)
        back, switched = way_back.read(notes), notes.marked(SWITCHED)
        if back is None or switched is None or back.stack != str(self._stack.name):
            return Rung(title, True, f"{self._live.name} does not go back to it", Refused)
        end = datetime.fromisoformat(switched.time) + timedelta(seconds=length.seconds)
        over = self._means.clock.now() >= end
        return Rung(title, over, f"{self._live.name} goes back to it until {end:%Y-%m-%d %H:%M}Z", Refused)

    def _moved_away(self) -> datetime | None:
        """When the name had moved away: given back by this stack, or taken by the live one; None if it never came."""
        if self._notes.marked(SWITCHED) is None and self._back is not None:
            return datetime.fromisoformat(self._back.time)
        mark = self._notes.marked(GIVEN_BACK)
        if mark is None and self._live is not None:
            mark = of_id(self._means.store, self._live.rollout).marked(SWITCHED)
        return None if mark is None else datetime.fromisoformat(mark.time)
