"""The way back: what stood before a switch, stored before it, valid as long as the old stack stands (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.names import Standing
from coinquery.stacks import inventory

if TYPE_CHECKING:
    from coinquery.rollout.identity import Notes
    from coinquery.rollout.rollout import Means

NOTE = "way-back"


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """The records as they stood, the stack that they led to (``""`` if none of ours) and the time of the switch."""

    standing: Standing
    stack: str
    time: str


def store(means: Means, notes: Notes, standing: Standing) -> WayBack:
    """Keep what stands now as the rollout's way back, unless one is kept; return the one that is."""
    kept = read(notes)
    if kept is not None:
        return kept
    live = inventory.leading(inventory.everywhere(means.aws, means.config), standing)
    back = WayBack(
        standing=standing,
        stack="" if live is None else str(live.name),
        time=means.clock.now().isoformat(timespec="seconds"),
    )
    return _decode(notes.settle(NOTE, msgspec.json.encode(back).decode()))


def read(notes: Notes) -> WayBack | None:
    """The rollout's way back, None if it never switched."""
    value = notes.get(NOTE)
    return None if value is None else _decode(value)


def _decode(value: str) -> WayBack:
    return msgspec.json.decode(value, type=WayBack)
