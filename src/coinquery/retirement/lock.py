"""One process's lock of a retirement: set before it climbs, kept from the moment it may not turn back (I6)."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from coinquery.errors import CoinQueryError
from coinquery.stacks import locks, retiring
from coinquery.stacks.notes import RETIRING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes


class Lock:
    """Any number of processes may have one at a stack, so that one that is refused lifts no other's."""

    def __init__(self, notes: Notes, means: Means) -> None:
        self._notes = notes
        self._clock = means.clock
        self._who = means.journal.who
        self._own = ""

    def take(self) -> None:
        """Note that the stack is being looked at."""
        self._own = locks.take(self._notes, RETIRING, self._clock.now(), self._who)

    def keep(self) -> bool:
        """Decide that the stack goes; False if this process slept and the lock was given up meanwhile."""
        return retiring.keep(self._notes, self._own)

    @contextmanager
    def lifted_unless_kept(self) -> Iterator[None]:
        """Whatever ends the block early lifts this lock: it holds nobody up. If AWS is gone, the lock runs out."""
        try:
            yield
        except (Exception, KeyboardInterrupt):
            if self._own:
                with suppress(BotoCoreError, ClientError, CoinQueryError):
                    retiring.give_up(self._notes, self._own)
            raise
