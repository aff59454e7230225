"""Who moved a coin's name, and when: told to the one who came second (I9)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from coinquery.errors import RecordMoved
from coinquery.stacks import inventory, way_back
from coinquery.stacks.ledger import LEDGER
from coinquery.stacks.notes import GIVING_BACK, SWITCHED, Notes, of_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.stack import Stack
    from coinquery.stacks.way_back import WayBack

#: How many rollouts that moved a coin's name are looked at, and how many are looked through for them.
LOOKED_AT, LOOKED_THROUGH = 10, 50


@dataclass(frozen=True)
class Mover:
    """A rollout that moved a name, or was about to: its stack, its notes and its way back, None where none is kept."""

    name: StackName
    notes: Notes
    back: WayBack | None

    @property
    def leads_back_to(self) -> str:
        """The stack that the name would go back to, ``""`` for none."""
        return "" if self.back is None else self.back.stack


@contextmanager
def named(means: Means, mine: StackName) -> Iterator[None]:
    """A RecordMoved within the block says who else moved the name, and when; ``mine`` is the stack that lost it."""
    try:
        yield
    except RecordMoved as lost:
        raise RecordMoved(f"{lost.what}: {newest(means, mine)}", lost.remedy) from lost


def refuse_moved(means: Means, stack: Stack) -> None:
    """Raise RecordMoved, with who did it, unless the name still leads to the stack: else nobody may call it live."""
    if means.names.leads_to(stack.outputs):
        return
    with named(means, stack.name):
        raise RecordMoved(
            f"{means.names.public.name} was moved away from {stack.name} while it was verified",
            f"Talk to whoever moved it, look at it with `cq dns show {stack.name.coin_argument}`, then run the same "
            "command again.",
        )


def newest(means: Means, mine: StackName) -> str:
    """The newest move that the notes of other stacks tell of, to where the records lead now.

    Where they lead to ``mine`` again, somebody had them for a moment: then it is the newest move of all.
    """
    led = inventory.survey(means.aws, means.config.regions).led_to(means.names.read())
    moves = [
        (time, to, told)
        for mover in recent(means, mine.coin, mine.level)
        for time, to, told in _moves(mover)
        if mover.name != mine or to != str(mine)
    ]
    known = [move for move in moves if move[1] in led] or (moves if led == {str(mine)} else [])
    return max(known)[2] if known else "no rollout noted that move"


def recent(means: Means, coin: str, level: str) -> Iterator[Mover]:
    """The newest rollouts of a coin and level that have a way back, as each has that moved the name; newest first.

    Numbers do not tell which is newest: one may be wished for.
    """
    entries = means.ledger.entries(f"{LEDGER}/{coin}/{level}")
    newest_first = sorted(entries, key=lambda name: (entries[name].reserved, name), reverse=True)[:LOOKED_THROUGH]
    movers = (of(means, name, entries[name].rollout) for name in newest_first)
    yield from islice((mover for mover in movers if mover.back is not None), LOOKED_AT)


def of(means: Means, name: StackName, rollout: str) -> Mover:
    """What a rollout's notes tell of its moves."""
    notes = of_id(means.store, rollout)
    return Mover(name, notes, way_back.read(notes))


def _moves(mover: Mover) -> Iterator[tuple[str, str, str]]:
    """Each move of a rollout: when, to which stack, and in words."""
    name, notes, back = mover.name, mover.notes, mover.back
    if back is None:
        return
    if back.who:
        yield back.time, str(name), f"a switch to {name} was begun by {back.who} at {back.time}"
    switched, giving = notes.marked(SWITCHED), notes.marked(GIVING_BACK)
    if switched is not None:
        yield switched.time, str(name), f"switched to {name} by {switched.who} at {switched.time}"
    if giving is not None:
        yield giving.time, back.stack, f"given back by {name} to {back.stack} by {giving.who} at {giving.time}"
