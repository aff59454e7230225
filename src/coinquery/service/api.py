"""The ``/api`` routes of UTXO coins, in the shapes that clients of the first system know."""

from __future__ import annotations

from aiohttp import web

from coinquery.nodes import NodeError, NodeRefused, NodeState, Rpc, bitcoin
from coinquery.nodes.values import count
from coinquery.service import utxo
from coinquery.service.observed import Observed
from coinquery.service.replies import document

_LONGEST_HEIGHT = 16


class Api:
    """Answers from what is observed of the node, or by ``rpc``, which must not keep the health checks waiting."""

    def __init__(self, state: Observed[NodeState], status: Observed[utxo.Document], rpc: Rpc) -> None:
        self._state = state
        self._status = status
        self._rpc = rpc

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/api/status", self.status),
            web.get("/api/sync", self.sync),
            web.get("/api/block-index/{height:.*}", self.block_index),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """``/api/status``, with ``q=getInfo`` (what is meant without ``q``) or ``q=getLastBlockHash``."""
        question = request.query.get("q", "getInfo")
        if question == "getLastBlockHash":
            state = await self._state.get()
            return document(utxo.last_block_hash(state), 200 if state.head_hash else 503)
        if question != "getInfo":
            return document({"error": "q is getInfo or getLastBlockHash"}, 400)
        try:
            return document(await self._status.get())
        except NodeError as error:
            return _no_answer(error)

    async def sync(self, _: web.Request) -> web.Response:
        """``/api/sync``."""
        state = await self._state.get()
        return document(utxo.sync(state), 200 if state.error is None else 503)

    async def block_index(self, request: web.Request) -> web.Response:
        """``/api/block-index/HEIGHT``: the hash of a block; 404 for one above the node's best block."""
        height = _height(request.match_info["height"])
        if height is None:
            return document({"error": "give a height, a whole number"}, 400)
        try:
            return document({"blockHash": await bitcoin.block_hash(self._rpc, height)})
        except NodeRefused as error:
            best = (await self._state.get()).height
            if best is None or height <= best:
                return _no_answer(error)
            return document({"error": f"the node has no block {height}, its best block is {best}"}, 404)
        except NodeError as error:
            return _no_answer(error)


def _no_answer(error: NodeError) -> web.Response:
    return document({"error": f"the node gave no usable answer: {error}"}, 503)


def _height(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_HEIGHT
    return count(int(text)) if is_number else None
