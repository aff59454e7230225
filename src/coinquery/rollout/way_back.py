"""The way back: what stood before a switch, stored before it, valid as long as the old stack stands (I10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.names import KINDS, Standing
from coinquery.dns.zone import same
from coinquery.stacks import inventory
from coinquery.stacks.way_back import WayBack, decode, newest, note, read

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack

__all__ = ["GoingBack", "WayBack", "read", "store"]


@dataclass(frozen=True)
class GoingBack:
    """A name on its way back from ``source`` to ``destination``; ``standing`` is what stood when that was planned."""

    source: StackName
    destination: Stack
    standing: Standing
    back: WayBack
    notes: Notes


def store(means: Means, notes: Notes, standing: Standing, target: Standing) -> WayBack:
    """Keep what stands now as the rollout's way back, unless one is kept that is still good; return the one that is.

    One is good as long as each record is where it was or already leads to ``target``. If others moved the records
    before this rollout moved any, what stands now is kept as the next way back.
    """
    turn, kept = newest(notes)
    if kept is not None and (_is_good(kept.standing, standing, target) or _is_ours(standing, target)):
        return kept
    live = inventory.leading(inventory.everywhere(means.aws, means.config), standing)
    back = WayBack(
        standing=standing,
        stack="" if live is None else str(live.name),
        time=means.clock.now().isoformat(timespec="seconds"),
    )
    return decode(notes.settle(note(turn + 1), msgspec.json.encode(back).decode()))


def _is_good(kept: Standing, standing: Standing, target: Standing) -> bool:
    return all(same(standing.of(kind), kept.of(kind)) or same(standing.of(kind), target.of(kind)) for kind in KINDS)


def _is_ours(standing: Standing, target: Standing) -> bool:
    return any(same(standing.of(kind), target.of(kind)) for kind in KINDS if target.of(kind) is not None)
