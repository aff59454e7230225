"""Ask references where a chain's head is: public APIs of the shapes that the catalogue knows.

Each reference is asked twice a sweep and coin at most, however many instances there are: for its best block, and for
the hash of the block at the anchor. What an answer looks like is in the service's own documentation:

    evm          Ethereum's JSON-RPC; ``url`` is the endpoint
    status       ``{"info": {"blocks": …}}`` at ``url``/api/status, as Insight's API and the first system have it
    blockbook    ``{"backend": {"blocks": …}}`` at ``url``/api/v2
    blockcypher  ``{"height": …}`` at ``url`` itself, which names coin and chain: …/v1/btc/main
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from coinquery.coins import Reference
from coinquery.monitor import web
from coinquery.monitor.configuration import Watched
from coinquery.monitor.head import ANCHOR_DEPTH, Anchor, Head, Height, Tip, agree, agree_on_hash
from coinquery.nodes import NodeError, Rpc, evm
from coinquery.nodes.answers import attempt
from coinquery.nodes.values import bitcoin_hash, evm_hash, member, moment, quantity, required

if TYPE_CHECKING:
    from aiohttp import ClientSession

T = TypeVar("T")


async def find_head(session: ClientSession, coin: Watched, seconds: float) -> Head:
    """The head of a coin's chain as its references give it; ``seconds`` bounds each question to each of them."""
    witnesses = [Witness(session, reference, seconds) for reference in coin.references]
    answers = await asyncio.gather(*(attempt(witness.tip()) for witness in witnesses))
    tips = [answer for answer in answers if isinstance(answer, Tip)]
    head = agree(tips, len(witnesses), coin.tolerance_blocks)
    if head.height is None:
        return msgspec.structs.replace(head, why="; ".join([head.why, *_complaints(witnesses, answers)]))
    return msgspec.structs.replace(head, anchor=await _anchor(witnesses, head.height))


async def _anchor(witnesses: Sequence[Witness], head: int) -> Anchor | None:
    height = head - ANCHOR_DEPTH
    if height < 0:
        return None
    answers = await asyncio.gather(*(attempt(witness.hash_at(height)) for witness in witnesses))
    agreed = agree_on_hash([answer for answer in answers if isinstance(answer, str)], len(witnesses))
    return None if agreed is None else Anchor(height, agreed)


def _complaints(witnesses: Sequence[Witness], answers: Sequence[Tip | NodeError]) -> list[str]:
    """Who did not answer and why. Only the host is named: an address may carry a key (I14)."""
    return [f"{w.host}: {a}" for w, a in zip(witnesses, answers, strict=True) if isinstance(a, NodeError)]


class Witness:
    """One reference, asked in its own shape. Its methods raise NodeError."""

    def __init__(self, session: ClientSession, reference: Reference, seconds: float) -> None:
        self._session = session
        self._shape = reference.shape
        self._url = reference.url.rstrip("/")
        self._seconds = seconds

    @property
    def host(self) -> str:
        """The host that it lives on."""
        return urlsplit(self._url).hostname or "?"

    async def tip(self) -> Tip:
        """Its best block."""
        if self._shape == "evm":
            return await self._evm_tip()
        if self._shape == "status":
            return Tip((await self._get("/api/status", _Status)).info.blocks)
        if self._shape == "blockbook":
            return Tip((await self._get("/api/v2", _Blockbook)).backend.blocks)
        return Tip((await self._get("", _Blockcypher)).height)

    async def hash_at(self, height: int) -> str:
        """The hash of its block at a height."""
        if self._shape == "evm":
            return await evm.block_hash(Rpc(self._session, self._url, self._seconds), height)
        if self._shape == "status":
            return _hash((await self._get(f"/api/block-index/{height}", _BlockIndex)).block_hash)
        if self._shape == "blockbook":
            return _hash((await self._get(f"/api/v2/block-index/{height}", _BlockIndex)).block_hash)
        return _hash((await self._get(f"/blocks/{height}?limit=1", _Blockcypher)).hash)

    async def _evm_tip(self) -> Tip:
        block = await Rpc(self._session, self._url, self._seconds).call("eth_getBlockByNumber", "latest", False)
        height = required(quantity(member(block, "number")), "height")
        return Tip(height, moment(quantity(member(block, "timestamp"))))

    async def _get(self, path: str, kind: type[T]) -> T:
        return await web.get_json(self._session, self._url + path, self._seconds, kind)


class _StatusInfo(msgspec.Struct):
    blocks: Height


class _Status(msgspec.Struct):
    info: _StatusInfo


class _BlockbookBackend(msgspec.Struct):
    blocks: Height


class _Blockbook(msgspec.Struct):
    backend: _BlockbookBackend


class _Blockcypher(msgspec.Struct):
    height: Height
    hash: str


class _BlockIndex(msgspec.Struct, rename={"block_hash": "blockHash"}):
    block_hash: str


def _hash(text: str) -> str:
    return required(evm_hash(text) or bitcoin_hash(text), "block hash")
