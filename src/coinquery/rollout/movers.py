"""Who moved a coin's name, and when: told to the one who came second (I9)."""

from __future__ import annotations

from contextlib import contextmanager
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

#: How many of a coin's newest rollouts are looked at for what they did to its name.
LOOKED_AT = 10


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
            f"Look at it with: cq dns show {stack.name.coin_argument}",
        )


def newest(means: Means, mine: StackName) -> str:
    """The newest move that the notes of other stacks tell of, to where the records lead now.

    Where they lead to ``mine`` again, somebody had them for a moment: then it is the newest move of all.
    """
    led = inventory.led_to(inventory.everywhere(means.aws, means.config), means.names.read())
    moves = [
        (time, to, told)
        for name, notes in recent(means, mine.coin, mine.level)
        for time, to, told in _moves(name, notes)
        if name != mine or to != str(mine)
    ]
    known = [move for move in moves if move[1] in led] or (moves if led == {str(mine)} else [])
    return max(known)[2] if known else "no rollout noted that move"


def recent(means: Means, coin: str, level: str) -> Iterator[tuple[StackName, Notes]]:
    """The newest stack names of a coin and level, newest first, and the notes of their rollouts."""
    entries = means.ledger.entries(f"{LEDGER}/{coin}/{level}")
    for name in sorted(entries, reverse=True)[:LOOKED_AT]:
        yield name, of_id(means.store, entries[name].rollout)


def _moves(name: StackName, notes: Notes) -> Iterator[tuple[str, str, str]]:
    """Each move of a rollout: when, to which stack, and in words."""
    back = way_back.read(notes)
    if back is None:
        return
    if back.who:
        yield back.time, str(name), f"a switch to {name} was begun by {back.who} at {back.time}"
    switched, giving = notes.marked(SWITCHED), notes.marked(GIVING_BACK)
    if switched is not None:
        yield switched.time, str(name), f"switched to {name} by {switched.who} at {switched.time}"
    if giving is not None:
        yield giving.time, back.stack, f"given back by {name} to {back.stack} by {giving.who} at {giving.time}"
