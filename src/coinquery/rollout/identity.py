"""Which rollout a command means: the unfinished one of the same coin, level, region and release, or a new one.

Its notes (``stacks/notes.py``) tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery import stored
from coinquery.errors import RolloutEnded
from coinquery.stacks.notes import GIVING_BACK, LIVE, RETIRED, ROLLOUTS, SWITCHED, Key, Notes

if TYPE_CHECKING:
    from datetime import datetime

    from coinquery.stacks.parameter_store import ParameterStore


class NewRolloutStopped(KeyboardInterrupt):
    """Ctrl-C when a command with ``--new`` has begun its rollout: from now on it is carried on without ``--new``."""


def latest(store: ParameterStore, key: Key) -> Notes | None:
    """The newest rollout of the key, None if there was none."""
    path = f"{ROLLOUTS}/{key}"
    below = ((name, name.removeprefix(path + "/").split("/")[0]) for name in store.below(path))
    attempts = [stored.whole(attempt, f"the attempt in the name of parameter {name}") for name, attempt in below]
    return Notes(store, key, max(attempts)) if attempts else None


def joined(store: ParameterStore, key: Key) -> Notes:
    """The rollout that a command without ``--new`` means: the newest, or the first.

    Raises RolloutEnded if the newest had the name and was given back, or its stack retired: going there again is a
    decision, not a repetition. One that never had the name and whose stack was retired makes place for the next.
    """
    newest = latest(store, key)
    if newest is None:
        return Notes(store, key, 1)
    back, retired = newest.marked(GIVING_BACK), newest.marked(RETIRED)
    if back is not None:
        raise _ended(newest, f"its name was given back at {back.time} by {back.who}")
    if retired is None:
        return newest
    if newest.marked(SWITCHED) is not None or newest.marked(LIVE) is not None:
        raise _ended(newest, f"it had the name, and its stack was retired at {retired.time} by {retired.who}")
    return Notes(store, key, newest.attempt + 1)


def _ended(notes: Notes, why: str) -> RolloutEnded:
    return RolloutEnded(
        f"rollout {notes.id} ended: {why}",
        "Deploy another release, or start another rollout of this one with --new.",
    )


def another(store: ParameterStore, key: Key) -> Notes:
    """The rollout that a command with ``--new`` would begin: the one after the newest."""
    newest = latest(store, key)
    return Notes(store, key, 1 if newest is None else newest.attempt + 1)


def claim(notes: Notes, now: datetime) -> Notes:
    """Begin a new rollout, this one or the first after it that nobody else begins: each ``--new`` is one of its own."""
    while not notes.begin(now):
        notes = Notes(notes.store, notes.key, notes.attempt + 1)
    return notes
