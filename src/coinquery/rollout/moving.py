"""The lock of a move: while a process is about to move a name to a stack, that stack is not retired (I6)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coinquery.errors import Refused
from coinquery.rollout.identity import refuse_retired
from coinquery.stacks.notes import MOVING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Mark, Notes


@contextmanager
def moving(means: Means, notes: Notes, name: StackName) -> Iterator[Callable[[], None]]:
    """Hold the lock of a move to the stack of that name; hand out what must be called right before each batch.

    That renews the lock and then looks for a retirement; ``cq retire`` sets its own and then looks for this one, so
    one of the two sees the other, however long either was stopped before. The lock of a process that died, or that
    does not know what became of its batch, runs out: after ``dns_sync`` a retirement takes no notice of it.
    """
    lock = _Lock(means, notes)

    def renew() -> None:
        lock.renew()
        refuse_retired(notes, name, means.clock.now())

    try:
        yield renew
    except Refused:
        if not lock.is_for_another:
            notes.unmark(MOVING)
        raise
    notes.unmark(MOVING)


class _Lock:
    """There is one for all processes that move a name to a stack; the newest renewed it.

    ``is_for_another`` is whether another process's was found: that one's batch may still be on its way, so a process
    that is refused does not take the lock away from over it.
    """

    def __init__(self, means: Means, notes: Notes) -> None:
        self._means = means
        self._notes = notes
        self._own: Mark | None = None
        self.is_for_another = False

    def renew(self) -> None:
        """Set the lock anew, with the time that it is."""
        standing = self._notes.marked(MOVING)
        self.is_for_another |= standing is not None and standing != self._own
        self._own = self._notes.renew(MOVING, self._means.clock.now(), self._means.journal.who)
