"""The way back: what stood before a switch, stored before it, valid as long as the old stack stands (I10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.names import KINDS, Standing
from coinquery.dns.zone import same
from coinquery.errors import RecordMoved, RolloutEnded
from coinquery.naming import as_argument
from coinquery.rollout import moving
from coinquery.rollout.movers import recent
from coinquery.stacks import inventory
from coinquery.stacks.notes import of_id
from coinquery.stacks.way_back import WayBack, decode, newest, note

if TYPE_CHECKING:
    from collections.abc import Collection

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.inventory import Inventory
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class GoingBack:
    """A name on its way back from ``source`` to ``destination``; ``standing`` is what stood when that was planned."""

    source: StackName
    destination: Stack
    standing: Standing
    back: WayBack
    notes: Notes


def store(means: Means, notes: Notes, name: StackName, standing: Standing, target: Standing) -> WayBack:
    """Keep what stands now as the rollout's way back, unless one is kept that is still good; return the one that is.

    One is good as long as each record is where it was or already leads to ``target``. If others moved the records
    before this rollout moved any, what stands now is kept as the next way back. What is half switched is no way back:
    raises RecordMoved. Raises RolloutEnded if the rollout's stack ``name`` had the name and lost it.
    """
    turn, kept = newest(notes)
    if kept is not None and (is_good(kept.standing, standing, target) or _is_ours(standing, target)):
        return kept
    if kept is not None:
        _refuse_lost(means, notes, name)
    seen = inventory.survey(means.aws, means.config.regions)
    led = seen.led_to(standing)
    if str(name) not in led:  # else this rollout moved one before, and SSM may show late what it kept
        _refuse_half_switched(led, means, notes)
        _refuse_on_its_way(seen, standing, means)
    live = seen.named(standing.public)
    back = WayBack(
        standing=standing,
        stack="" if live is None else str(live),
        time=means.clock.now().isoformat(timespec="seconds"),
        who=means.journal.who,
    )
    kept_as = note(turn + 1)
    return decode(notes.settle(kept_as, msgspec.json.encode(back).decode()), notes.path(kept_as))


def _refuse_lost(means: Means, notes: Notes, name: StackName) -> None:
    """Whose way back is this stack took the name from it, though a process that died did not note that it led here."""
    for mover in recent(means, name.coin, name.level):
        if mover.name != name and mover.back is not None and mover.back.stack == str(name):
            raise RolloutEnded(
                f"rollout {notes.id} ended: {mover.name} took the name from {name} at {mover.back.time}",
                f"Look at it with: cq dns show {name.coin_argument}. Start another rollout of this release with --new.",
            )


def _refuse_half_switched(led: Collection[str], means: Means, notes: Notes) -> None:
    """Nobody could go back to records that lead to two stacks (I9)."""
    if len(led) > 1:
        raise RecordMoved(
            f"{means.names.public.name} is on its way from one stack to another: {' and '.join(sorted(led))}",
            "Nothing was changed. Run the command that began that again, or give it up with: "
            f"cq rollback {as_argument(notes.key.coin, notes.key.level)}. Then run the same command again.",
        )


def _refuse_on_its_way(seen: Inventory, standing: Standing, means: Means) -> None:
    """Half of a first switch leads to one stack only: who makes it is let end, unless it is dead.

    Taken over meanwhile, it would lose the name, and who took over its half could not move the other one.
    """
    first = seen.named(standing.private)
    if first is not None and first != seen.named(standing.public) and _is_moving(means, first, standing):
        raise RecordMoved(
            f"{means.names.public.name} is on its way to {first}",
            "Nothing was changed. Let the command that moves it end, then run the same command again.",
        )


def _is_moving(means: Means, name: StackName, standing: Standing) -> bool:
    """Whether a move to a stack is under way, or ended since the records were read."""
    entry = means.ledger.entry(name)
    lock = None if entry is None else moving.under_way(means, of_id(means.store, entry.rollout))
    return lock is not None or not means.names.read().is_same(standing)


def is_good(kept: Standing, standing: Standing, target: Standing) -> bool:
    """Whether each record is where it was kept, or leads to ``target`` already."""
    return all(same(standing.of(kind), kept.of(kind)) or same(standing.of(kind), target.of(kind)) for kind in KINDS)


def _is_ours(standing: Standing, target: Standing) -> bool:
    return any(same(standing.of(kind), target.of(kind)) for kind in KINDS if target.of(kind) is not None)
