"""``cq rollback``: give the name back to the stack before, by the way that was stored before the switch (I10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.record import canonical
from coinquery.dns.zone import same
from coinquery.errors import BadConfiguration, BadStackName, NoWayBack
from coinquery.naming import parse
from coinquery.rollout import movers, plan
from coinquery.rollout.way_back import GoingBack
from coinquery.stacks import inventory, retiring, way_back
from coinquery.stacks.notes import GIVEN_BACK, GIVING_BACK, RETIRED, SWITCHED, of_id
from coinquery.stacks.stack import read

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coinquery.naming import StackName
    from coinquery.rollout.movers import Mover
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.stacks.chapter import Chapter
    from coinquery.stacks.inventory import Inventory
    from coinquery.stacks.ledger import Entry
    from coinquery.stacks.stack import Stack
    from coinquery.stacks.way_back import WayBack

#: What the journal calls a rollback as a whole.
ROLLBACK = "rollback"


@dataclass(frozen=True)
class Return:
    """A way back that can be gone, its steps, its part of the journal, and whether another run began to go it."""

    going: GoingBack
    steps: tuple[Step, ...]
    chapter: Chapter
    is_carried_on: bool


def make_plan(means: Means, coin: str, level: str, source: StackName | None = None) -> Return:
    """Find the way back of the live stack, or one that was begun and not finished; nothing is changed.

    ``source`` is the stack to go back from, where a person named it: needed only to go back a second time. Raises
    NoWayBack where there is none.
    """
    stacks, standing = inventory.survey(means.aws, means.config.regions), means.names.read()
    live = stacks.named(standing.public)
    if live is not None and (live.coin, live.level) != (coin, level):
        live = None
    seen = _seen(means, coin, level, live)
    found = _half_switched(seen, stacks.led_to(standing)) or _source(means, seen, live, source)
    if found is None:
        led = "nothing" if standing.public is None else canonical(standing.public.target)
        raise NoWayBack(
            f"{means.names.public.name} leads to no stack of ours but to {led}",
            'Deploy the release that is wanted, or put the name back by hand: docs/process.md, "Put the name back".',
        )
    name = found.name
    if source not in (None, name):
        what = f"{means.names.public.name} would be given back by {name}, not by {source}"
        raise NoWayBack(what, f"Leave --from away, or give --from {name}. Look first: cq dns show {name.coin_argument}")
    back = _stored(name, found.back)
    destination = _destination(means, name, back, stacks)
    going = GoingBack(name, destination, standing, _to(destination, back, means), found.notes)
    return Return(going, *plan.way_back(means, going), way_back.is_under_way(found.notes))


def carry_out(planned: Return, means: Means, run: Run) -> None:
    """Do what the plan says and note the end, in the journal first: who comes after that has nothing to do."""
    notes, chapter, destination = planned.going.notes, planned.chapter, planned.going.destination
    if planned.is_carried_on:
        chapter.carry_on(ROLLBACK)
    with chapter.stopping(ROLLBACK):
        run.carry_out(planned.steps)
        with run.leading_to("note that it is given back"):
            movers.refuse_moved(means, destination)
            chapter.once(ROLLBACK, "given back", f"to {destination.name}")
            notes.mark(GIVEN_BACK, means.clock.now(), means.journal.who)


def _seen(means: Means, coin: str, level: str, live: StackName | None) -> list[Mover]:
    """The newest rollouts that moved the name, and the live stack's own, however many came after it and went."""
    seen = list(movers.recent(means, coin, level))
    if live is not None and live not in [mover.name for mover in seen]:
        entry = means.ledger.entry(live)
        seen += [] if entry is None else [movers.of(means, live, entry.rollout)]
    return seen


def _half_switched(seen: Sequence[Mover], led: Collection[str]) -> Mover | None:
    """The stack that one record leads to while the other still leads to the stack before it: that is given up."""
    if len(led) < 2:
        return None
    return next((mover for mover in seen if {str(mover.name), mover.leads_back_to} == led), None)


def _source(means: Means, seen: Sequence[Mover], live: StackName | None, named: StackName | None) -> Mover | None:
    """The stack whose name is given back: one whose way back was begun, else the live one, else the last that was."""
    for mover in seen:
        under_way = way_back.is_under_way(mover.notes) and (mover.name == named or not _is_over(mover, seen))
        if under_way and (live is None or str(live) in (str(mover.name), mover.leads_back_to)):
            return mover
    found = _last_switched(seen) if live is None else next((mover for mover in seen if mover.name == live), None)
    if found is not None:
        _refuse_second(means, found, seen, named)
    return found


def _last_switched(seen: Sequence[Mover]) -> Mover | None:
    """Whose stack the name was moved to last, of those that it was not given back by."""
    marks = [(mover.notes.marked(SWITCHED), mover) for mover in seen if mover.notes.marked(GIVEN_BACK) is None]
    switched = [(datetime.fromisoformat(mark.time), mover) for mark, mover in marks if mark is not None]
    return max(switched, key=lambda each: each[0])[1] if switched else None


def _is_over(mover: Mover, seen: Sequence[Mover]) -> bool:
    """Whether a way back was given up before the name came back; only who names the stack carries that one on."""
    giving = mover.notes.marked(GIVING_BACK)
    came = [other.notes.marked(GIVEN_BACK) for other in seen if other.leads_back_to == str(mover.name)]
    return giving is not None and any(mark is not None and mark.time > giving.time for mark in came)


def _refuse_second(means: Means, mover: Mover, seen: Sequence[Mover], named: StackName | None) -> None:
    """A command that is run again must not go back one more: that takes a person who says from where."""
    name, came = mover.name, mover.notes.marked(SWITCHED)
    for other in seen:
        given = other.notes.marked(GIVEN_BACK)
        if given is None or named == name or other.leads_back_to != str(name):
            continue
        if came is None or given.time > came.time:
            raise NoWayBack(
                f"{means.names.public.name} was given back by {other.name} to {name} at {given.time} by {given.who}",
                f"Nothing is left to do. To go back further: cq rollback {name.coin_argument} --from {name}",
            )


def _destination(means: Means, source: StackName, back: WayBack, stacks: Inventory) -> Stack:
    entry = _entry(means, back.stack)
    destination = _find(means, back.stack, entry, stacks)
    if destination is None:
        _refuse_unconfigured(means, back.stack, entry)
        raise NoWayBack(
            f"{source} came after {back.stack}, which is gone{_retired(means, entry)}",
            "Deploy the release that is wanted.",
        )
    if retiring.is_decided(of_id(means.store, destination.rollout)):
        raise NoWayBack(
            f"{source} came after {back.stack}, which is being retired{_retired(means, entry)}",
            f"Deploy the release that is wanted. Its retirement is finished by: cq retire {back.stack}",
        )
    if not destination.standing:
        raise NoWayBack(
            f"{source} came after {back.stack}, which is {destination.status}",
            f"Deploy the release that is wanted. Why it is so: cq status {back.stack}",
        )
    return destination


def _find(means: Means, name: str, entry: Entry | None, stacks: Inventory) -> Stack | None:
    """The stack that a way back names; its region is waited for, whatever others do."""
    if entry is None or entry.region not in stacks.unanswered:
        return stacks.find(name)
    return read(means.aws.cloudformation(entry.region), parse(name))


def _entry(means: Means, stack: str) -> Entry | None:
    """What the ledger keeps of a stack that a way back names; a hand may have written any text there."""
    try:
        return means.ledger.entry(parse(stack))
    except BadStackName:
        return None


def _refuse_unconfigured(means: Means, stack: str, entry: Entry | None) -> None:
    """A stack in a region that nobody asked is not gone."""
    if entry is not None and entry.region not in means.config.regions:
        raise BadConfiguration(
            f"{stack} was made in {entry.region}, and cq.toml has no level that uses it",
            "Nothing was changed. Add the region to its level in cq.toml, then run the same command again.",
        )


def _retired(means: Means, entry: Entry | None) -> str:
    """When and by whom a stack was retired, as far as it was noted."""
    mark = None if entry is None else of_id(means.store, entry.rollout).marked(RETIRED)
    return "" if mark is None else f": retired at {mark.time} by {mark.who}"


def _to(destination: Stack, back: WayBack, means: Means) -> WayBack:
    """The way back with the private record at the destination, too: where it led by hand, nobody can prove."""
    if back.standing.private is None:
        return back
    own = means.names.target(destination)
    if own.private is None or same(back.standing.private, own.private):
        return back
    return msgspec.structs.replace(back, standing=msgspec.structs.replace(back.standing, private=own.private))


def _stored(source: StackName, back: WayBack | None) -> WayBack:
    if back is None or back.standing.public is None:
        raise NoWayBack(f"before {source} the name led nowhere", "Deploy the release that is wanted.")
    if not back.stack:
        raise NoWayBack(
            f"before {source} the name led to {back.standing.public.target}, which is no stack of ours",
            "cq can't prove that it serves. docs/process.md says how to change the record by hand.",
        )
    return back
