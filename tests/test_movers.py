"""Which rollouts moved a name last: the order in which numbers were given, not the numbers (I9, I10)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from coinquery.dns.names import Standing
from coinquery.naming import StackName
from coinquery.rollout import movers
from coinquery.stacks.ledger import Entry
from coinquery.stacks.way_back import WayBack


def _means(history: list[tuple[int, bool]]) -> Any:
    """Numbers in the order in which they were given, and whether each came to move the name."""
    entries, kept = {}, {}
    for minute, (number, moved) in enumerate(history):
        rollout = f"eth/prod/us-east-1/v{number}/1"
        reserved = f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00+00:00"
        entries[StackName("eth", number, "prod")] = Entry(
            rollout=rollout, region="us-east-1", release=f"v{number}", commit="0" * 40, author="a", reserved=reserved
        )
        if moved:
            back = WayBack(standing=Standing(public=None), stack="", time=reserved, who="a")
            kept[f"/coinquery/rollouts/{rollout}/way-back"] = msgspec.json.encode(back).decode()
    store = SimpleNamespace(get=kept.get, below=lambda path: {k: v for k, v in kept.items() if k.startswith(path)})
    return SimpleNamespace(store=store, ledger=SimpleNamespace(entries=lambda _: entries))


def _recent(history: list[tuple[int, bool]]) -> list[int]:
    return [mover.name.number for mover in movers.recent(_means(history), "eth", "prod")]


def test_i10_a_number_that_was_wished_for_does_not_come_first_for_ever() -> None:
    assert _recent([(1, True), (9990, True), (2, True), (3, True)]) == [3, 2, 9990, 1]


def test_i10_stacks_that_never_moved_the_name_hide_none_that_did() -> None:
    assert _recent([(1, True), (2, True), *((number, False) for number in range(3, 30))]) == [2, 1]


def test_i10_no_more_are_looked_at_than_matter() -> None:
    assert _recent([(number, True) for number in range(1, 100)]) == list(range(99, 89, -1))
