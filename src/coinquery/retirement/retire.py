"""``cq retire``: take a stack down, by the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import naming
from coinquery.errors import NotOurStack, WrongUse
from coinquery.retirement.ladder import Ladder
from coinquery.retirement.steps import ClimbLadder, DeleteStack, LiftProtection
from coinquery.rollout.identity import RETIRED, of_id
from coinquery.stacks import stack as stacks
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.rollout.identity import Notes
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class Retirement:
    """A stack that may go, and the steps that take it away. ``kept`` names what stays."""

    stack: Stack
    notes: Notes
    ladder: tuple[Step, ...]
    steps: tuple[Step, ...]
    kept: tuple[str, ...]


def make_plan(means: Means, name: StackName, typed: str | None) -> Retirement:
    """Find the stack and lay out what its retirement takes; nothing is changed.

    Raises WrongUse where there is no such stack, NotOurStack where its tags do not name a rollout.
    """
    stack = _find(means, name)
    if not stack.rollout:
        raise NotOurStack(f"{name} carries no coinquery:rollout tag: cq did not make it", "Nothing was changed.")
    cloudformation = means.aws.cloudformation(stack.region)
    protector = Protector(cloudformation, means.aws.elbv2(stack.region))
    steps = (
        LiftProtection(stack, cloudformation, protector),
        DeleteStack(stack, cloudformation, means.config.waits.delete),
    )
    ladder = (ClimbLadder(Ladder(means, stack, typed)),)
    return Retirement(stack, of_id(means.store, stack.rollout), ladder, steps, _kept(name))


def carry_out(planned: Retirement, means: Means, run: Run) -> None:
    """Climb the ladder, then note that the stack is being retired (there is no way back from that) and take it down."""
    name, rollout = planned.stack.name, planned.stack.rollout
    run.carry_out(planned.ladder)
    means.journal.write(name, "retire", "begins", rollout)
    planned.notes.mark(RETIRED, means.clock.now(), means.journal.who)
    run.carry_out(planned.steps)
    means.journal.write(name, "retire", "done", rollout)


def _find(means: Means, name: StackName) -> Stack:
    entry = means.ledger.entry(name)
    regions = means.config.regions if entry is None else (entry.region,)
    for region in regions:
        stack = stacks.read(means.aws.cloudformation(region), name)
        if stack is not None:
            return stack
    known = "was never given out" if entry is None else f"was made in {entry.region} for {entry.release} and is gone"
    raise WrongUse(f"there is no stack {name}: the number {known}", "See what there is: cq ls")


def _kept(name: StackName) -> tuple[str, ...]:
    return (
        f"log group {naming.log_group(name)}",
        f"ledger entry {naming.ledger_parameter(name)}: the number is never given again",
        "journal and monitor records of the stack",
        "snapshots of its volumes, where there are any",
    )
