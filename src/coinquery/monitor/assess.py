"""From what a sweep saw of each instance to what it says of the stacks: their outlook, their lines, their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from coinquery.monitor.head import Word
from coinquery.monitor.outlook import InstanceOutlook, NameOutlook, Outlook, Role, StackOutlook
from coinquery.monitor.sweep_log import StackLine

if TYPE_CHECKING:
    from coinquery.monitor.records import Record
    from coinquery.naming import StackName
    from coinquery.stacks.stack import Stack


def stack_outlooks(
    records: Iterable[Record],
    stacks: Mapping[StackName, Stack],
    unprotected: Mapping[StackName, tuple[str, ...] | None],
    names: Iterable[NameOutlook],
) -> tuple[StackOutlook, ...]:
    """What is to be said of each stack; one without any instance is a stack all the same.

    One that is being deleted has lost its protection by that, which says nothing new.
    """
    roles = _roles(names)
    by_stack: dict[str, list[Record]] = {}
    for record in records:
        by_stack.setdefault(record.stack, []).append(record)
    return tuple(
        StackOutlook(
            stack=str(name),
            coin=name.coin,
            role=roles.get(str(name), "other"),
            expected=stack.instances,
            instances=tuple(_instance(record) for record in by_stack.get(str(name), ())),
            unprotected=None if stack.status == "DELETE_IN_PROGRESS" else unprotected.get(name),
        )
        for name, stack in sorted(stacks.items())
    )


def stack_lines(outlook: Outlook) -> list[StackLine]:
    """A line for each stack, which makes its metrics. A silenced stack's outage is none that pages anybody."""
    return [
        StackLine(
            time=outlook.time,
            sweep=outlook.sweep,
            region=outlook.region,
            stack=stack.stack,
            coin=stack.coin,
            role=stack.role,
            expected=stack.expected,
            serving=stack.serving,
            outage=_outage(stack, outlook),
        )
        for stack in outlook.stacks
    ]


def _outage(stack: StackOutlook, outlook: Outlook) -> Literal[0, 1] | None:
    """What the stack's alarm goes by; nothing where it is not known whether the name leads to the stack."""
    if stack.role == "other" and not outlook.complete:
        return None
    return 1 if stack.is_outage and not outlook.is_silenced(stack.stack) else 0


def words(records: Iterable[Record]) -> list[Word]:
    """What each stack's nodes can vouch for: the best block of those that are on the chain and in step."""
    best: dict[str, Record] = {}
    for record in records:
        known = best.get(record.stack)
        vouches = record.verdict in ("healthy", "filling") and record.height is not None
        if vouches and (known is None or (record.height or 0) > (known.height or 0)):
            best[record.stack] = record
    return [_word(record) for record in best.values()]


def _roles(names: Iterable[NameOutlook]) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for name in names:
        if name.way_back is not None:
            roles[name.way_back] = "way-back"
        if name.stack is not None:
            roles[name.stack] = "live"
    return roles


def _instance(record: Record) -> InstanceOutlook:
    return InstanceOutlook(
        instance=record.instance, verdict=record.verdict, reason=record.reason, has_head=record.head is not None
    )


def _word(record: Record) -> Word:
    hashes = {} if record.anchor is None or record.anchor_hash is None else {record.anchor: record.anchor_hash}
    return Word(
        coin=record.coin,
        by=record.stack,
        kind="stack",
        at=record.time,
        height=record.height or 0,
        time=record.block_time,
        hashes=hashes,
    )
