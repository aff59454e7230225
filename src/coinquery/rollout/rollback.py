"""``cq rollback``: give the name back to the stack before, by the way that was stored before the switch (I10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.errors import NoWayBack
from coinquery.rollout import plan, way_back
from coinquery.rollout.identity import GIVEN_BACK, GIVING_BACK, Notes, of_id
from coinquery.stacks import inventory

if TYPE_CHECKING:
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.rollout.way_back import WayBack
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class Return:
    """A way back that can be gone: from ``source`` to ``destination``."""

    source: Stack
    destination: Stack
    back: WayBack
    notes: Notes
    steps: tuple[Step, ...]


def make_plan(means: Means, coin: str, level: str) -> Return:
    """Find the way back of the live stack, or one that was begun and not finished; nothing is changed.

    Raises NoWayBack where there is none.
    """
    stacks = [s for s in inventory.everywhere(means.aws, means.config) if (s.name.coin, s.name.level) == (coin, level)]
    live = inventory.leading(stacks, means.names.read())
    if live is None:
        raise NoWayBack(f"{means.names.public.name} leads to no stack of ours", "Look at it with: cq dns show")
    source = _unfinished(means, stacks, live) or live
    notes = of_id(means.store, source.rollout)
    back = _stored(source, way_back.read(notes))
    destination = next((stack for stack in stacks if str(stack.name) == back.stack), None)
    if destination is None or destination.status != "CREATE_COMPLETE":
        raise NoWayBack(f"{source.name} came after {back.stack}, which is gone", "Deploy the release that is wanted.")
    return Return(source, destination, back, notes, plan.way_back(means, source, destination, back, notes))


def carry_out(planned: Return, means: Means, run: Run) -> None:
    """Do what the plan says and note the end."""
    run.carry_out(planned.steps)
    planned.notes.mark(GIVEN_BACK, means.clock.now(), means.journal.who)


def _unfinished(means: Means, stacks: list[Stack], live: Stack) -> Stack | None:
    """The stack whose name was being given back when the command was stopped, if the records still say so."""
    for stack in stacks:
        notes = of_id(means.store, stack.rollout)
        if notes.marked(GIVING_BACK) is None or notes.marked(GIVEN_BACK) is not None:
            continue
        back = way_back.read(notes)
        if back is not None and str(live.name) in (str(stack.name), back.stack):
            return stack
    return None


def _stored(source: Stack, back: WayBack | None) -> WayBack:
    if back is None or back.standing.public is None:
        raise NoWayBack(f"before {source.name} the name led nowhere", "Deploy the release that is wanted.")
    if not back.stack:
        raise NoWayBack(
            f"before {source.name} the name led to {back.standing.public.target}, which is no stack of ours",
            "cq can't prove that it serves. docs/process.md says how to change the record by hand.",
        )
    return back
