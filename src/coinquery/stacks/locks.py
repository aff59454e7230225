"""Locks among the notes of a stack's rollout: each process has its own, ``<kind>/<token>``, of any kind any number.

Each lock's name is used once. A lock that is taken back can't be created again at once ("wait for at least 30 seconds
to create a parameter with the same name", Systems Manager API reference, DeleteParameter), and nobody takes back
another's by its name.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from coinquery import stored
from coinquery.stacks.notes import Mark

if TYPE_CHECKING:
    from datetime import datetime

    from coinquery.stacks.notes import Notes

#: Digits of a token.
TOKEN = 8


def take(notes: Notes, kind: str, now: datetime, who: str) -> str:
    """Set a lock of this kind; return it by the name that ``Notes.unmark`` takes."""
    lock = f"{kind}/{secrets.token_hex(TOKEN // 2)}"
    notes.mark(lock, now, who)
    return lock


def standing(notes: Notes, kind: str) -> dict[str, Mark]:
    """The locks of this kind that stand, by the name that ``Notes.unmark`` takes. Raises Unreadable."""
    below = {path.removeprefix(notes.path("")): value for path, value in notes.store.below(notes.path(kind)).items()}
    found = {lock: value for lock, value in below.items() if lock.count("/") == 1}
    return {lock: stored.decode(value, Mark, notes.path(lock)) for lock, value in found.items()}
