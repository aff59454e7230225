"""``cq rollback``: give the name back to the stack before, by the way that was stored before the switch (I10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.record import canonical
from coinquery.dns.zone import same
from coinquery.errors import BadStackName, NoWayBack
from coinquery.naming import parse
from coinquery.rollout import movers, plan
from coinquery.rollout.movers import recent
from coinquery.rollout.way_back import GoingBack
from coinquery.stacks import inventory, retiring, way_back
from coinquery.stacks.notes import GIVEN_BACK, GIVING_BACK, RETIRED, SWITCHED, Notes, of_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.stacks.chapter import Chapter
    from coinquery.stacks.stack import Stack
    from coinquery.stacks.way_back import WayBack

    #: Rollouts by stack name, the newest first.
    Seen = Sequence[tuple[StackName, Notes]]


@dataclass(frozen=True)
class Return:
    """A way back that can be gone, its steps, and its part of the journal."""

    going: GoingBack
    steps: tuple[Step, ...]
    chapter: Chapter


def make_plan(means: Means, coin: str, level: str, source: StackName | None = None) -> Return:
    """Find the way back of the live stack, or one that was begun and not finished; nothing is changed.

    ``source`` is the stack to go back from, where a person named it: needed only to go back a second time. Raises
    NoWayBack where there is none.
    """
    stacks = [s for s in inventory.everywhere(means.aws, means.config) if (s.name.coin, s.name.level) == (coin, level)]
    standing = means.names.read()
    live = inventory.leading(stacks, standing)
    seen = _seen(means, coin, level, live)
    half = _half_switched(seen, inventory.led_to(stacks, standing))
    found = half or _source(means, seen, None if live is None else live.name, source)
    if found is None:
        led = "nothing" if standing.public is None else canonical(standing.public.target)
        raise NoWayBack(
            f"{means.names.public.name} leads to no stack of ours but to {led}",
            'Deploy the release that is wanted, or put the name back by hand: docs/process.md, "Put the name back".',
        )
    name, notes = found
    if source not in (None, name):
        what = f"{means.names.public.name} would be given back by {name}, not by {source}"
        raise NoWayBack(what, f"Leave --from away, or give --from {name}. Look first: cq dns show {name.coin_argument}")
    back = _stored(name, way_back.read(notes))
    destination = _destination(means, name, back, stacks)
    going = GoingBack(name, destination, standing, _to(destination, back, means), notes)
    return Return(going, *plan.way_back(means, going))


def carry_out(planned: Return, means: Means, run: Run) -> None:
    """Do what the plan says and note the end, in the journal first: who comes after that has nothing to do."""
    run.carry_out(planned.steps)
    with run.leading_to("note that it is given back"):
        movers.refuse_moved(means, planned.going.destination)
        planned.chapter.once("rollback", "given back", f"to {planned.going.destination.name}")
        planned.going.notes.mark(GIVEN_BACK, means.clock.now(), means.journal.who)


def _seen(means: Means, coin: str, level: str, live: Stack | None) -> Seen:
    """The newest rollouts, and the live stack's own, however many came after it and went."""
    seen = list(recent(means, coin, level))
    if live is not None and live.name not in [name for name, _ in seen]:
        seen.append((live.name, of_id(means.store, live.rollout)))
    return seen


def _half_switched(seen: Seen, led: Collection[str]) -> tuple[StackName, Notes] | None:
    """The stack that one record leads to while the other still leads to the stack before it: that is given up."""
    if len(led) < 2:
        return None
    return next((each for each in seen if {str(each[0]), _leads_back_to(each[1])} == led), None)


def _source(
    means: Means, seen: Seen, live: StackName | None, named: StackName | None
) -> tuple[StackName, Notes] | None:
    """The stack whose name is given back: one whose way back was begun, else the live one, else the last that was."""
    for name, notes in seen:
        under_way = way_back.is_under_way(notes) and (name == named or not _is_over(notes, seen, name))
        if under_way and (live is None or str(live) in (str(name), _leads_back_to(notes))):
            return name, notes
    for name, notes in seen:
        if live == name or (live is None and notes.marked(SWITCHED) and not notes.marked(GIVEN_BACK)):
            _refuse_second(means, name, notes, seen, named)
            return name, notes
    return None


def _is_over(notes: Notes, seen: Seen, name: StackName) -> bool:
    """Whether a way back was given up before the name came back; only who names the stack carries that one on."""
    giving = notes.marked(GIVING_BACK)
    came = [theirs.marked(GIVEN_BACK) for _, theirs in seen if _leads_back_to(theirs) == str(name)]
    return giving is not None and any(mark is not None and mark.time > giving.time for mark in came)


def _leads_back_to(notes: Notes) -> str:
    back = way_back.read(notes)
    return "" if back is None else back.stack


def _refuse_second(means: Means, name: StackName, notes: Notes, seen: Seen, named: StackName | None) -> None:
    """A command that is run again must not go back one more: that takes a person who says from where."""
    came = notes.marked(SWITCHED)
    for other, theirs in seen:
        given = theirs.marked(GIVEN_BACK)
        if given is None or named == name or _leads_back_to(theirs) != str(name):
            continue
        if came is None or given.time > came.time:
            raise NoWayBack(
                f"{means.names.public.name} was given back by {other} to {name} at {given.time} by {given.who}",
                f"Nothing is left to do. To go back further: cq rollback {name.coin_argument} --from {name}",
            )


def _destination(means: Means, source: StackName, back: WayBack, stacks: Iterable[Stack]) -> Stack:
    destination = next((stack for stack in stacks if str(stack.name) == back.stack), None)
    if destination is None:
        raise NoWayBack(
            f"{source} came after {back.stack}, which is gone{_retired(means, back.stack)}",
            "Deploy the release that is wanted.",
        )
    if retiring.is_decided(of_id(means.store, destination.rollout)):
        raise NoWayBack(
            f"{source} came after {back.stack}, which is being retired{_retired(means, back.stack)}",
            f"Deploy the release that is wanted. Its retirement is finished by: cq retire {back.stack}",
        )
    if not destination.standing:
        raise NoWayBack(
            f"{source} came after {back.stack}, which is {destination.status}",
            f"Deploy the release that is wanted. Why it is so: cq status {back.stack}",
        )
    return destination


def _retired(means: Means, stack: str) -> str:
    """When and by whom a stack was retired, as far as it was noted; a hand may have named any text."""
    try:
        entry = means.ledger.entry(parse(stack))
    except BadStackName:
        return ""
    mark = None if entry is None else of_id(means.store, entry.rollout).marked(RETIRED)
    return "" if mark is None else f": retired at {mark.time} by {mark.who}"


def _to(destination: Stack, back: WayBack, means: Means) -> WayBack:
    """The way back with the private record at the destination, too: where it led by hand, nobody can prove."""
    own = means.names.target(destination)
    if back.standing.private is None or own.private is None or same(back.standing.private, own.private):
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
