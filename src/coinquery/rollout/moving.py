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
    from coinquery.stacks.notes import Notes


@contextmanager
def moving(means: Means, notes: Notes, name: StackName) -> Iterator[Callable[[], None]]:
    """Hold the lock of a move to the stack of that name; hand out what must be called right before each batch.

    That renews the lock and then looks for a retirement; ``cq retire`` sets its own and then looks for this one, so
    one of the two sees the other, however long either was stopped before. The lock of a process that died, or that
    does not know what became of its batch, runs out: after ``dns_sync`` a retirement takes no notice of it.
    """

    def renew() -> None:
        notes.renew(MOVING, means.clock.now(), means.journal.who)
        refuse_retired(notes, name, means.clock.now())

    try:
        yield renew
    except Refused:
        notes.unmark(MOVING)
        raise
    notes.unmark(MOVING)
