"""``cq retire``: take a stack down, by the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import naming
from coinquery.errors import NotOurStack, Refused, WrongUse
from coinquery.retirement.ladder import Ladder
from coinquery.retirement.steps import ClimbLadder, DeleteStack, LiftProtection
from coinquery.stacks import stack as stacks
from coinquery.stacks.notes import RETIRED, RETIRING, of_id
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.stacks.ledger import Entry
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class Retirement:
    """A stack that may go, and the steps that take it away; no steps if it is gone. ``kept`` names what stays."""

    name: StackName
    notes: Notes
    ladder: tuple[Step, ...]
    steps: tuple[Step, ...]
    kept: tuple[str, ...]


def make_plan(means: Means, name: StackName, typed: str | None) -> Retirement:
    """Find the stack and lay out what its retirement takes; nothing is changed.

    Raises WrongUse where there is no such stack and none was retired, NotOurStack where its tags name no rollout.
    """
    entry = means.ledger.entry(name)
    stack = _find(means, name, entry)
    if stack is None:
        return Retirement(name, _retired(means, name, entry), (), (), _kept(name))
    if not stack.rollout:
        raise NotOurStack(f"{name} carries no coinquery:rollout tag: cq did not make it", "Nothing was changed.")
    cloudformation = means.aws.cloudformation(stack.region)
    protector = Protector(cloudformation, means.aws.elbv2(stack.region))
    steps = (
        LiftProtection(stack, cloudformation, protector),
        DeleteStack(stack, cloudformation, means.config.waits.delete),
    )
    ladder = (ClimbLadder(Ladder(means, stack, typed)),)
    return Retirement(name, of_id(means.store, stack.rollout), ladder, steps, _kept(name))


def carry_out(planned: Retirement, means: Means, run: Run) -> None:
    """Climb the ladder, forbid that a name moves to the stack, climb again, and take the stack down.

    Who moves a name notes that first and then looks for RETIRING; this notes RETIRING first and then looks for that
    note. So one of the two always sees the other.
    """
    if not planned.steps:
        return
    notes, now, who = planned.notes, means.clock.now(), means.journal.who
    run.carry_out(planned.ladder)
    means.journal.write(planned.name, "retire", "begins", notes.id)
    notes.mark(RETIRING, now, who)
    try:
        run.carry_out(planned.ladder)
    except Refused:
        notes.unmark(RETIRING)
        raise
    notes.mark(RETIRED, now, who)
    run.carry_out(planned.steps)
    means.journal.write(planned.name, "retire", "done", notes.id)


def _find(means: Means, name: StackName, entry: Entry | None) -> Stack | None:
    regions = means.config.regions if entry is None else (entry.region,)
    found = (stacks.read(means.aws.cloudformation(region), name) for region in regions)
    return next((stack for stack in found if stack is not None), None)


def _retired(means: Means, name: StackName, entry: Entry | None) -> Notes:
    """The notes of a stack whose retirement was begun, and which is gone; raise WrongUse for any other."""
    if entry is None:
        raise WrongUse(f"there is no stack {name}: the number was never given out", "See what there is: cq ls")
    notes = of_id(means.store, entry.rollout)
    if notes.marked(RETIRED) is None:
        raise WrongUse(f"there is no stack {name} in {entry.region}", f"See what became of it: cq find {name}")
    return notes


def _kept(name: StackName) -> tuple[str, ...]:
    return (
        f"log group {naming.log_group(name)}",
        f"ledger entry {naming.ledger_parameter(name)}: the number is never given again",
        "journal and monitor records of the stack",
        "snapshots of its volumes, where there are any",
    )
