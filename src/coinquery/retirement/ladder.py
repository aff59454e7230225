"""The ladder: what must hold before a stack may go, each rung a check that says what it saw (I6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from coinquery.dns.record import canonical
from coinquery.dns.world import World
from coinquery.dns.zone import Zone
from coinquery.errors import NameNotTyped, NeededAsWayBack, NoSuccessor, StackInUse, StackIsLive
from coinquery.retirement.rung import Rung
from coinquery.rollout import moving
from coinquery.rollout.proof import MonitorProof, told
from coinquery.stacks import inventory, requests, retiring, way_back
from coinquery.stacks.notes import GIVEN_BACK, LIVE, SWITCHED, of_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from coinquery.dns.world import Answer
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack


class Ladder:
    """The rungs for one stack. ``typed`` is the name as a person typed it, None if nobody was asked.

    ``glass`` is whether the glass is broken: then a rung that waits is skipped where it does not hold.
    """

    def __init__(self, means: Means, stack: Stack, typed: str | None, *, glass: bool = False) -> None:
        self._means = means
        self._stack = stack
        self._typed = typed
        self._glass = glass
        self._notes: Notes = of_id(means.store, stack.rollout)
        self._back = way_back.read(self._notes)

    @cached_property
    def _live(self) -> Stack | None:
        """The stack that the name leads to, as it is when that is first asked: after the locks were looked for."""
        return inventory.leading(
            inventory.everywhere(self._means.aws, self._means.config.regions), self._means.names.read()
        )

    @cached_property
    def _successor_notes(self) -> Notes | None:
        """The notes of the live stack's rollout, if this stack is its way back."""
        notes = None if self._live is None else of_id(self._means.store, self._live.rollout)
        back = None if notes is None else way_back.read(notes)
        return notes if back is not None and back.stack == str(self._stack.name) else None

    def rungs(self) -> Iterator[Rung]:
        """All rungs, cheapest first; a stack that never was live has fewer to climb."""
        for check in self._checks():
            rung = check()
            yield replace(rung, skipped=self._glass and rung.waits and not rung.holds)

    def climb(self) -> tuple[Rung, ...]:
        """The rungs that were skipped; raise the refusal of the first that does not let pass."""
        skipped = []
        for rung in self.rungs():
            if not rung.lets_pass:
                remedy = f"{rung.needs}, then run the same command again" if rung.waits else rung.needs
                raise rung.refusal(f"{self._stack.name} stays: {rung.told()}", f"Nothing was changed. {remedy}.")
            if rung.skipped:
                skipped.append(rung)
        return tuple(skipped)

    def _checks(self) -> Iterator[Callable[[], Rung]]:
        yield from (self._name_typed, self._no_move_under_way, self._not_live)
        if retiring.is_decided(self._notes) or not self._was_live():
            return
        yield from (self._old_answers_gone, self._quiet)
        if self._stack.name.is_production:
            yield from (self._successor, self._way_back_over)

    def _was_live(self) -> bool:
        """As its own notes say, or those of a live stack that goes back to it: a name may come to it by hand."""
        noted = self._back is not None or any(self._notes.marked(mark) is not None for mark in (SWITCHED, LIVE))
        return noted or self._successor_notes is not None

    @property
    def _deploy(self) -> str:
        return f"cq deploy {self._stack.name.coin_argument} --release TAG --region {self._stack.region}"

    def _name_typed(self) -> Rung:
        name = str(self._stack.name)
        needless = self._typed is None and not self._stack.name.is_production
        holds = needless or self._typed == name
        saw = "not needed below production" if needless else "typed in full"
        if not holds:
            saw = f"the typed name is {self._typed!r}" if self._typed else "no name was typed"
        return Rung(
            title="the name is typed in full",
            holds=holds,
            saw=saw,
            needs="" if holds else f"Type it when you are asked, or with --name {name}",
            refusal=NameNotTyped,
        )

    def _no_move_under_way(self) -> Rung:
        """Looks for locks before anybody looks at the records: a move whose lock is gone is over, and to be seen there.

        A way back whose lock is old may still be gone by a process that slept.
        """
        move = moving.under_way(self._means, self._notes)
        if move is not None:
            lock, end = move
            needs = f"Let that command end, or wait until {_clock(end)}; then run the same command again"
            return _no_move(f"{lock.who} was moving one at {lock.time}", needs)
        if self._live is None or self._successor_notes is None or not way_back.is_under_way(self._successor_notes):
            return _no_move("none", "")
        rollback = f"cq rollback {self._stack.name.coin_argument} --from {self._live.name}"
        return _no_move(
            "a way back to it was begun", f"Let it end ({rollback}), or deploy a successor ({self._deploy})"
        )

    def _not_live(self) -> Rung:
        """Looks through every zone of the configuration: a record made by hand leads there as well as one of ours."""
        levels = self._means.config.levels.values()
        zones = sorted({zone for level in levels for zone in (level.public_zone, level.private_zone) if zone})
        led = [name for zone in zones for name in Zone(self._means.aws.route53(), zone).leading_to(self._is_own)]
        return Rung(
            title="not live",
            holds=not led,
            saw=f"{', '.join(led) or 'no name'} leads to it",
            needs=self._to_be_left_by(led),
            refusal=StackIsLive,
        )

    def _is_own(self, host: str) -> bool:
        """Whether a host is a load balancer of the stack: by its outputs, or by its own name where it has lost them."""
        told = (self._stack.name, self._stack.region)
        return host in map(canonical, self._stack.hosts) or inventory.told_by(host) == told

    def _to_be_left_by(self, led: Sequence[str]) -> str:
        """A move takes the coin's own names of the stack's level away; others are somebody's doing."""
        own = {canonical(record.name) for record in self._means.names.records()}
        needs = []
        if own.intersection(led):
            back = f"cq rollback {self._stack.name.coin_argument}"
            needs.append(f"Deploy a successor ({self._deploy}), or give the name back ({back})")
        if others := sorted(set(led) - own):
            needs.append(f"Lead {', '.join(others)} elsewhere by hand: no command of the stack's level does")
        return "; ".join(needs)

    def _old_answers_gone(self) -> Rung:
        since, answers = self._moved_away(), self._ask_servers()
        problems = [f"{answer.server}: {answer.problem}" for answer in answers if answer.problem]
        if since is None:
            needs = 'See docs/runbook.md, "A stack can\'t be retired"'
            return _old_answers("nobody noted when the name moved away", needs)
        if problems or not answers:
            return _old_answers("; ".join(problems) or "no name server", "Wait until every name server answers")
        longest = max(answer.ttl for answer in answers)
        end = since + timedelta(seconds=longest)
        over = self._means.clock.now() >= end
        saw = f"the name last moved at {since:%H:%M:%S}Z, answers live {longest} s"
        return _old_answers(saw, "" if over else f"Wait until {_clock(end)}")

    def _ask_servers(self) -> list[Answer]:
        names, config = self._means.names, self._means.config
        world = World(config.listener.https_port, config.verify.ca_bundle)
        return world.ask(config.verify.name_servers or names.check(), names.public.name)

    def _quiet(self) -> Rung:
        window = self._means.config.waits.quiet
        cloudwatch = self._means.aws.cloudwatch(self._stack.region)
        seen = requests.traffic(cloudwatch, self._stack, window, self._means.clock.now())
        known = f"the last {min(window, requests.LATE)}"
        saw = f"{seen.requests} requests in the last {window}" if seen.known else f"no metrics in {known}"
        wait = f"Wait until none has come for {window}, or find who still asks it"
        needs = wait if seen.known else f"Wait until CloudWatch has HealthyHostCount of {known}"
        quiet = seen.known and seen.requests == 0
        return Rung(
            title="no requests",
            holds=quiet,
            saw=saw,
            needs="" if quiet else needs,
            waits=True,
            refusal=StackInUse,
        )

    def _successor(self) -> Rung:
        live, means = self._live, self._means
        if live is None:
            return _healthy("no stack of ours is live", f"Deploy a successor: {self._deploy}")
        gaps = MonitorProof(means.aws, means.config, means.clock, live.region, lambda: live).gaps()
        needs = f"See what keeps it from being healthy: cq status {live.name}" if gaps else ""
        return _healthy(f"{live.name}: {told(gaps) or 'proven'}", needs)

    def _way_back_over(self) -> Rung:
        length = self._means.config.waits.way_back
        if self._live is None:
            return _unneeded("no stack of ours is live", f"Deploy a successor: {self._deploy}")
        if self._successor_notes is None:
            return _unneeded(f"{self._live.name} does not go back to it", "")
        switched = self._successor_notes.marked(SWITCHED)
        if switched is None:
            needs = f"Let it be noted: run the deploy of {self._live.name} again"
            return _unneeded(f"{self._live.name} goes back to it, and nobody noted since when", needs)
        end = datetime.fromisoformat(switched.time) + timedelta(seconds=length.seconds)
        over = self._means.clock.now() >= end
        saw = f"{self._live.name} goes back to it until {end:%Y-%m-%d %H:%M}Z"
        return _unneeded(saw, "" if over else f"Wait until {_clock(end)}")

    def _moved_away(self) -> datetime | None:
        """When the name had moved away: given back by this stack, or taken by the live one; None if nobody noted it.

        A live stack that took the name before it came here got it back by another hand.
        """
        came, given = self._notes.marked(SWITCHED), self._notes.marked(GIVEN_BACK)
        if given is not None:
            return max(datetime.fromisoformat(mark.time) for mark in (given, came) if mark is not None)
        if came is None and self._back is not None and self._successor_notes is None:
            return datetime.fromisoformat(self._back.time)
        live = self._live
        taken = None if live is None else of_id(self._means.store, live.rollout).marked(SWITCHED)
        if taken is None or (came is not None and taken.time < came.time):
            return None
        return datetime.fromisoformat(taken.time)


def _no_move(saw: str, needs: str) -> Rung:
    title = "no move of a name to it is under way"
    return Rung(title=title, holds=not needs, saw=saw, needs=needs, refusal=StackIsLive)


def _old_answers(saw: str, needs: str) -> Rung:
    title = "the old answer's time is over"
    return Rung(title=title, holds=not needs, saw=saw, needs=needs, waits=True, refusal=StackInUse)


def _healthy(saw: str, needs: str) -> Rung:
    return Rung(title="a healthy successor is live", holds=not needs, saw=saw, needs=needs, refusal=NoSuccessor)


def _unneeded(saw: str, needs: str) -> Rung:
    title = "nobody needs it as the way back"
    return Rung(title=title, holds=not needs, saw=saw, needs=needs, waits=True, refusal=NeededAsWayBack)


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}Z"
