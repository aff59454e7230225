"""The way back as a rollout's notes keep it: what stood before the switch, and the stack that it led to (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery import stored
from coinquery.dns.names import Standing
from coinquery.stacks.notes import GIVEN_BACK, GIVING_BACK

if TYPE_CHECKING:
    from coinquery.stacks.notes import Notes

NOTE = "way-back"


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """The records as they stood, the stack that they led to (``""`` if none of ours), and who began the switch when.

    Way backs of before don't tell who (``""``).
    """

    standing: Standing
    stack: str
    time: str
    who: str = ""

    def __post_init__(self) -> None:
        stored.moment(self.time)


def read(notes: Notes) -> WayBack | None:
    """The rollout's way back, None if it never came to switch."""
    return newest(notes)[1]


def newest(notes: Notes) -> tuple[int, WayBack | None]:
    """The way back that counts, and which one it is, from 1; 0 and None if there is none."""
    turn, kept = 0, None
    while (value := notes.get(note(turn + 1))) is not None:
        turn, kept = turn + 1, decode(value, notes.path(note(turn + 1)))
    return turn, kept


def is_under_way(notes: Notes) -> bool:
    """Whether a way back from the rollout's stack was begun and not ended."""
    return notes.marked(GIVING_BACK) is not None and notes.marked(GIVEN_BACK) is None


def note(turn: int) -> str:
    """The note that keeps a rollout's way back of that turn, from 1."""
    return NOTE if turn == 1 else f"{NOTE}-{turn}"


def decode(value: str, parameter: str) -> WayBack:
    """What the note in a parameter says. Raises Unreadable."""
    return stored.decode(value, WayBack, parameter)
