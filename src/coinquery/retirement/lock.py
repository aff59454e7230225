"""The lock of a retirement that still looks: while the note RETIRING stands, no name may come to lead to the stack."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.errors import Refused
from coinquery.stacks.notes import RETIRED, RETIRING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes

#: A lock older than this is of a process that died: climbing the ladder takes less.
GIVEN_UP = timedelta(minutes=5)


class Lock:
    """Taken by any number of processes; taken back by the one whose note it is, or by anyone when it is old."""

    def __init__(self, notes: Notes, means: Means) -> None:
        self._notes = notes
        self._clock = means.clock
        self._who = means.journal.who
        self._mine = False

    def take(self) -> None:
        """Note that the stack is being looked at."""
        now = self._clock.now()
        standing = self._notes.mark(RETIRING, now, self._who)
        self._mine = (standing.time, standing.who) == (now.isoformat(timespec="milliseconds"), self._who)

    @contextmanager
    def taken_back_if_refused(self) -> Iterator[None]:
        """A refusal within the block takes the lock back: it holds nobody up."""
        try:
            yield
        except Refused:
            standing = self._notes.marked(RETIRING)
            if standing is not None and self._notes.marked(RETIRED) is None:
                age = self._clock.now() - datetime.fromisoformat(standing.time)
                if self._mine or age > GIVEN_UP:
                    self._notes.unmark(RETIRING)
            raise
