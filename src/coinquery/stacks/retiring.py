"""The locks of retirements that look at a stack: while one stands, no name may come to lead to the stack (I6).

Each process has its own, ``retiring/<token>`` among the notes of the stack's rollout. Whether one that is old is of a
process that died or that sleeps nobody can know: so its ``fate`` is decided once, by whoever comes first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.stacks import locks
from coinquery.stacks.notes import RETIRED, RETIRING

if TYPE_CHECKING:
    from coinquery.stacks.notes import Mark, Notes

#: A lock older than this is taken for that of a process that died: climbing the ladder takes less.
OLD = timedelta(minutes=5)
#: What becomes of a lock: its stack goes, or it was given up.
GOES, GIVEN_UP = "goes", "given up"
_FATE = "/fate"


def keep(notes: Notes, lock: str) -> bool:
    """Decide that the lock's stack goes; False if the lock was given up, and a name may have moved since."""
    return notes.settle(lock + _FATE, GOES) == GOES


def give_up(notes: Notes, lock: str) -> None:
    """Take the lock back, unless its process decided that the stack goes."""
    if notes.settle(lock + _FATE, GIVEN_UP) == GIVEN_UP:
        notes.unmark(lock)


def give_up_old(notes: Notes, now: datetime) -> None:
    """Take back the locks that are old, but those of a process that decided that the stack goes."""
    for lock, mark in locks.standing(notes, RETIRING).items():
        if now > until(mark):
            give_up(notes, lock)


def is_decided(notes: Notes) -> bool:
    """Whether a retirement decided that the stack goes: there is no way back from that."""
    if notes.marked(RETIRED) is not None:
        return True
    below = notes.store.below(notes.path(RETIRING))
    return any(path.endswith(_FATE) and fate == GOES for path, fate in below.items())


def is_under_way(notes: Notes, now: datetime) -> bool:
    """Whether a retirement is decided, or looks at the stack right now."""
    return is_decided(notes) or any(now <= until(mark) for mark in locks.standing(notes, RETIRING).values())


def until(mark: Mark) -> datetime:
    """When a lock is old."""
    return datetime.fromisoformat(mark.time) + OLD
