"""The lock of a move: while a process is about to move a name to a stack, that stack is not retired (I6)."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.errors import InstanceNotProven, Refused, RolloutEnded
from coinquery.stacks import locks, retiring
from coinquery.stacks.notes import MOVING, RETIRED, RETIRING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Mark, Notes


@contextmanager
def moving(means: Means, notes: Notes, name: StackName) -> Iterator[Callable[[], None]]:
    """Hold the lock of a move to the stack of that name; hand out what must be called right before each batch.

    That sets a new lock and then looks for a retirement; ``cq retire`` sets its own and then looks for this one, so
    one of the two sees the other, however long either was stopped before. The lock of a process that died, or that
    does not know what became of its batch, runs out: after ``waits.moving`` a retirement takes no notice of it.
    """
    lock = _Lock(means, notes)

    def renew() -> None:
        lock.renew()
        refuse_retired(notes, name, means.clock.now())

    try:
        yield renew
    except (Refused, InstanceNotProven):
        lock.lift()
        raise
    lock.lift()


def under_way(means: Means, notes: Notes) -> tuple[Mark, datetime] | None:
    """The newest lock of a move to the rollout's stack, and when it runs out; None where none holds any more."""
    standing = locks.standing(notes, MOVING).values()
    newest = max(standing, key=lambda mark: datetime.fromisoformat(mark.time), default=None)
    if newest is None:
        return None
    end = datetime.fromisoformat(newest.time) + timedelta(seconds=means.config.waits.moving.seconds)
    return (newest, end) if means.clock.now() <= end else None


def refuse_retired(notes: Notes, name: object, now: datetime) -> None:
    """Raise RolloutEnded if the rollout's stack is being retired: no name may come to lead to it.

    Call it after the lock of the move is set; ``cq retire`` looks for that one after it has set its own.
    """
    refuse_decided(notes, name)
    retiring.give_up_old(notes, now)
    looking = max(locks.standing(notes, RETIRING).values(), key=retiring.until, default=None)
    if looking is not None:
        end = retiring.until(looking)
        raise RolloutEnded(
            f"{name} is being retired, since {looking.time} by {looking.who}",
            "The name was not moved to it. If that command was stopped and the stack shall stay, run the same command "
            f"again after {end:%H:%M:%S}Z: then it gives that retirement up, unless it had decided already "
            f"(`cq history {name}`).",
        )


def refuse_decided(notes: Notes, name: object) -> None:
    """Raise RolloutEnded if it is decided that the rollout's stack goes."""
    gone = notes.marked(RETIRED)
    if gone is not None:
        raise RolloutEnded(
            f"{name} is being retired, since {gone.time} by {gone.who}",
            f"The name was not moved to it. `cq retire {name}` finishes that; there is no way back from it.",
        )


class _Lock:
    """This process's own. Each renewal is a new one, which stands before the old one is taken back."""

    def __init__(self, means: Means, notes: Notes) -> None:
        self._means = means
        self._notes = notes
        self._own = ""

    def renew(self) -> None:
        """Set the lock anew, with the time that it is."""
        before, self._own = self._own, locks.take(self._notes, MOVING, self._means.clock.now(), self._means.journal.who)
        if before:
            self._notes.unmark(before)

    def lift(self) -> None:
        """Take it back."""
        if self._own:
            self._notes.unmark(self._own)
