"""The hashes of the node's blocks at its anchors, by which the monitor sees which chain it is on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from coinquery.nodes import NodeState
from coinquery.nodes.anchors import hashes, heights

Hashes = dict[int, str]


class Anchors:
    """Asks a node for them, once for each best block: below the same best block lies the same chain.

    Another best block may stand on another chain, so all are asked for again, and a reorganisation is seen. No more
    than the anchors of one best block are remembered. ``block_hash`` gives a hash by height, or raises NodeError.
    """

    def __init__(self, block_hash: Callable[[int], Awaitable[str]]) -> None:
        self._block_hash = block_hash
        self._remembered: tuple[str | None, Hashes] = (None, {})
        self._state: NodeState | None = None
        self._question: asyncio.Task[Hashes] | None = None

    async def of(self, state: NodeState) -> Hashes | None:
        """The hashes by height, without those that can't be had; None where the node's height is unknown.

        All who ask about one state share one question.
        """
        if state.height is None:
            return None
        if self._question is None or state is not self._state:
            self._state, self._question = state, asyncio.create_task(self._ask(state.height, state.head_hash))
        return self._question.result() if self._question.done() else await asyncio.shield(self._question)

    async def _ask(self, best: int, head_hash: str | None) -> Hashes:
        below, remembered = self._remembered
        known = remembered if head_hash is not None and head_hash == below else {}
        missing = [height for height in heights(best) if height not in known]
        told = await hashes(self._block_hash, missing)
        found = {height: it for height in heights(best) if (it := told.get(height) or known.get(height))}
        self._remembered = (head_hash, found)
        return found
