"""Whether a node is in step, by its own knowledge alone. The monitor compares it with the network; this can't."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from coinquery.nodes import NodeState
from coinquery.service.settings import Settings

#: How far ahead of our clock an honest block may be dated: Bitcoin's rule, the widest of all dialects.
AHEAD = timedelta(hours=2)


def reasons_against(state: NodeState, settings: Settings, now: datetime) -> list[str]:
    """Why the node is not in step, with its values; none only if all that is needed is known and right (I13)."""
    if state.error is not None:
        return [f"the node gave no usable answer: {state.error}"]
    return [*_chain(state, settings.chain), *_sync(state), *_best_block(state, settings.tolerance, now)]


def age(state: NodeState, now: datetime) -> float | None:
    """How old the node's best block is, in seconds; negative where it is dated ahead of our clock."""
    return None if state.head_time is None else (now - state.head_time).total_seconds()


def _chain(state: NodeState, expected: str) -> Iterator[str]:
    if state.chain is None:
        yield "the node's chain is unknown"
    elif state.chain != expected:
        yield f"the node is on chain {state.chain}, expected {expected}"


def _sync(state: NodeState) -> Iterator[str]:
    if state.syncing is None:
        yield "whether the node is syncing is unknown"
    elif state.syncing:
        yield f"the node is syncing: it is at {state.height} of {state.target or 'an unknown height'}"


def _best_block(state: NodeState, tolerance: int, now: datetime) -> Iterator[str]:
    if state.height is None:
        yield "the node's height is unknown"
    seconds = age(state, now)
    if seconds is None:
        yield "the time of the node's best block is unknown"
    elif seconds > tolerance:
        yield f"the best block, {state.height}, is {seconds:.0f} s old, the tolerance is {tolerance} s"
    elif seconds < -AHEAD.total_seconds():
        yield f"the best block, {state.height}, is dated {-seconds:.0f} s in the future"
