"""``cq retire``: take a stack down, by the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import naming
from coinquery.errors import NoSuchStack, NotOurStack
from coinquery.notify.announcer import Announcer
from coinquery.retirement import break_glass
from coinquery.retirement.break_glass import BrokenGlass, TellBrokenGlass
from coinquery.retirement.ladder import Ladder
from coinquery.retirement.lock import Lock
from coinquery.retirement.steps import ClimbLadder, DeleteStack, LetLockSettle, LiftProtection
from coinquery.rollout.journaled import Journaled
from coinquery.stacks import stack as stacks
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.notes import RETIRED, of_id
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.retirement.rung import Rung
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.run import Run
    from coinquery.rollout.step import Step
    from coinquery.stacks.ledger import Entry
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack

#: The whole retirement as the journal names it, and the changes that are at their end when the stack is gone.
RETIRE = "retire"
ENDS = (LiftProtection.title, DeleteStack.title, RETIRE)


@dataclass(frozen=True)
class Retirement:
    """A stack that may go, and the steps that take it away; no ladder if it is gone. ``kept`` names what stays.

    ``rungs`` is the ladder as it was seen when the plan was made, ``reason`` why the glass is broken (``""``: it is
    not), ``chapter`` the retirement's part of the journal.
    """

    name: StackName
    notes: Notes
    rungs: tuple[Rung, ...]
    ladder: tuple[ClimbLadder, ...]
    steps: tuple[Step, ...]
    kept: tuple[str, ...]
    reason: str
    chapter: Chapter


def make_plan(means: Means, name: StackName, typed: str | None, reason: str = "") -> Retirement:
    """Find the stack, look at every rung, and lay out what its retirement takes; nothing is changed.

    With a ``reason`` the glass is broken. Raises NoSuchStack where there is no such stack and none was retired,
    NotOurStack where its tags name no rollout.
    """
    entry = means.ledger.entry(name)
    stack = _find(means, name, entry)
    if stack is None:
        notes = _retired(means, name, entry)
        chapter = _chapter(means, name, notes, reason)
        telling = () if break_glass.kept(notes) is None else (_telling(means, name, notes, chapter),)
        return Retirement(name, notes, (), (), telling, _kept(name), reason, chapter)
    if not stack.rollout:
        raise NotOurStack(
            f"{name} carries no coinquery:rollout tag: cq did not make it",
            "Nothing was changed. Whoever made it takes it down; CloudTrail says who that was.",
        )
    notes = of_id(means.store, stack.rollout)
    chapter = _chapter(means, name, notes, reason)

    def ladder() -> Ladder | None:
        now = stacks.read(means.aws.cloudformation(stack.region), name)
        return None if now is None else Ladder(means, now, typed, glass=bool(reason))

    rungs = tuple(Ladder(means, stack, typed, glass=bool(reason)).rungs())
    steps = _steps(means, stack, notes, chapter, reason)
    return Retirement(name, notes, rungs, (ClimbLadder(ladder),), steps, _kept(name), reason, chapter)


def carry_out(planned: Retirement, means: Means, run: Run) -> None:
    """Climb the ladder, forbid that a name moves to the stack, climb again, and take the stack down.

    Of one that is gone, what the team was not told of the glass is told, and the journal gets its last lines.
    Who moves a name notes that first and then looks for RETIRING; this notes RETIRING first and then looks for that
    note. So one of the two always sees the other.
    """
    chapter, notes = planned.chapter, planned.notes
    if not planned.ladder:
        run.carry_out(planned.steps)
        for what in ENDS:
            chapter.hold(what, f"{planned.name} is gone")
        return
    run.carry_out(planned.ladder)
    with run.leading_to(*(step.title for step in planned.steps)), chapter.change(RETIRE, str(planned.name)):
        _decide(planned, means, run)
        notes.mark(RETIRED, means.clock.now(), means.journal.who)
        run.carry_out(planned.steps)


def _decide(planned: Retirement, means: Means, run: Run) -> None:
    """Climb under a lock, and again where this process slept so long that another one took it for dead."""
    lock, decided = Lock(planned.notes, means), False
    with lock.lifted_unless_kept():
        while not decided:
            lock.take()
            settle = LetLockSettle(means.clock, means.clock.now(), means.config.waits.settle)
            run.carry_out((settle, *planned.ladder))
            _break_glass(planned, means)
            decided = lock.keep()


def _break_glass(planned: Retirement, means: Means) -> None:
    """Keep what was skipped, in the journal and in the notes, before the stack goes."""
    skipped = tuple(rung.told() for climb in planned.ladder for rung in climb.skipped)
    if not skipped:
        return
    with planned.chapter.change("break the glass", "skipped: " + "; ".join(skipped)):
        time, who = means.clock.now().isoformat(timespec="seconds"), means.journal.who
        break_glass.keep(planned.notes, BrokenGlass(time=time, who=who, reason=planned.reason, skipped=skipped))


def _steps(means: Means, stack: Stack, notes: Notes, chapter: Chapter, reason: str) -> tuple[Step, ...]:
    """The way down; the team is told first where the glass is broken, or was by one who may not have told it."""
    cloudformation = means.aws.cloudformation(stack.region)
    lift = LiftProtection(stack, cloudformation, Protector(cloudformation, means.aws.elbv2(stack.region)))
    down = (Journaled(lift, chapter), Journaled(DeleteStack(stack, cloudformation, means.config.waits.delete), chapter))
    if reason or break_glass.kept(notes) is not None:
        return (_telling(means, stack.name, notes, chapter), *down)
    return down


def _telling(means: Means, name: StackName, notes: Notes, chapter: Chapter) -> Step:
    announcer = Announcer.of(means.config, means.aws, means.clock)
    return Journaled(TellBrokenGlass(name, notes, means, announcer), chapter)


def _chapter(means: Means, name: StackName, notes: Notes, reason: str) -> Chapter:
    why = f"cq retire, break-glass: {reason}" if reason else "cq retire"
    return Chapter(means.journal, lambda: name, lambda: notes.id, why)


def _find(means: Means, name: StackName, entry: Entry | None) -> Stack | None:
    regions = means.config.regions if entry is None else (entry.region,)
    found = (stacks.read(means.aws.cloudformation(region), name) for region in regions)
    return next((stack for stack in found if stack is not None), None)


def _retired(means: Means, name: StackName, entry: Entry | None) -> Notes:
    """The notes of a stack whose retirement was begun, and which is gone; raise NoSuchStack for any other."""
    if entry is None:
        raise NoSuchStack(f"there is no stack {name}: the number was never given out", "See what there is: cq ls")
    notes = of_id(means.store, entry.rollout)
    if notes.marked(RETIRED) is None:
        raise NoSuchStack(f"there is no stack {name} in {entry.region}", f"See what became of it: cq find {name}")
    return notes


def _kept(name: StackName) -> tuple[str, ...]:
    return (
        f"log group {naming.log_group(name)}",
        f"ledger entry {naming.ledger_parameter(name)}: the number is never given again",
        "journal and monitor records of the stack",
        "snapshots of its volumes, where there are any",
    )
