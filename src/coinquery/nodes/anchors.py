"""The heights at which nodes of one chain are compared, so that nobody has to agree on a height first.

Nodes that are a few blocks apart still have most of these heights in common, and a block that far below the head is
seldom reorganised.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence

from coinquery.nodes.answers import attempt
from coinquery.nodes.errors import NodeError

#: Anchors lie at the multiples of STEP, DEPTH blocks or more below the head; a node is asked for COUNT of them.
STEP, DEPTH, COUNT = 10, 6, 8


def height(head: int) -> int | None:
    """The highest anchor of a chain whose best block is at ``head``; None where the chain is too short."""
    return (head - DEPTH) // STEP * STEP if head >= DEPTH else None


def heights(best: int) -> tuple[int, ...]:
    """The anchors of a node whose best block is at ``best``: the highest and those below it, from the top."""
    highest = height(best)
    return () if highest is None else tuple(range(highest, max(-1, highest - COUNT * STEP), -STEP))


async def hashes(block_hash: Callable[[int], Awaitable[str]], at: Sequence[int]) -> dict[int, str]:
    """The hashes at these heights, asked for at once; those that fail with a NodeError are left out."""
    answers = await gather(*(attempt(block_hash(height)) for height in at))
    return {height: it for height, it in zip(at, answers, strict=True) if not isinstance(it, NodeError)}
