"""The lock of a retirement that still looks: while one stands, no name may come to lead to the stack (I6)."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.errors import Refused
from coinquery.stacks.notes import RETIRING, locks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes

#: A lock older than this is taken for that of a process that died: climbing the ladder takes less.
OLD = timedelta(minutes=5)
#: What becomes of a lock, decided once: its stack goes, or another retirement gave it up.
GOES, GIVEN_UP = "goes", "given up"


class Lock:
    """One process's. Any number may stand at a stack, so that one that is refused lifts no other's.

    A process that sleeps, and whose lock was given up meanwhile, can't keep it: ``keep`` tells.
    """

    def __init__(self, notes: Notes, means: Means) -> None:
        self._notes = notes
        self._clock = means.clock
        self._who = means.journal.who
        self._own = ""

    def take(self) -> None:
        """Note that the stack is being looked at."""
        self._own = f"{RETIRING}/{secrets.token_hex(4)}"
        self._notes.mark(self._own, self._clock.now(), self._who)

    def keep(self) -> bool:
        """Decide that the stack goes; False if the lock was given up, and a name may have moved since."""
        return self._settle(self._own, GOES) == GOES

    @contextmanager
    def lifted_if_refused(self) -> Iterator[None]:
        """A refusal within the block lifts this lock, and those of processes that died: they hold nobody up."""
        try:
            yield
        except Refused:
            now = self._clock.now()
            for what, mark in locks(self._notes, RETIRING).items():
                own, old = what == self._own, now - datetime.fromisoformat(mark.time) > OLD
                if own or (old and self._settle(what, GIVEN_UP) == GIVEN_UP):
                    self._notes.unmark(what)
            raise

    def _settle(self, lock: str, fate: str) -> str:
        return self._notes.settle(f"{lock}/fate", fate)
