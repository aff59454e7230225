"""Ask references where a chain's head is: public APIs of the shapes that the catalogue knows.

Each reference is asked three times a sweep and coin at most, however many instances there are: for its best block,
and for the hashes of two blocks below the head, unless it told them before. What an answer looks like is in the
service's own documentation:

    evm          Ethereum's JSON-RPC; ``url`` is the endpoint
    status       ``{"info": {"blocks": …}}`` at ``url``/api/status, as Insight's API and the first system have it
    blockbook    ``{"backend": {"blocks": …}}`` at ``url``/api/v2
    blockcypher  ``{"height": …}`` at ``url`` itself, which names coin and chain: …/v1/btc/main
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from coinquery.monitor import web
from coinquery.monitor.head import Height, Word
from coinquery.nodes import Rpc, evm
from coinquery.nodes.values import bitcoin_hash, evm_hash, member, moment, quantity, required

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import ClientSession

    from coinquery.coins import Reference

#: Calls that one round of questions may cost a reference.
CALLS = 3
HOUR = 3600
#: Parts of an address's path at least so long may be a key.
SECRET_LENGTH = 8

T = TypeVar("T")


def name(reference: Reference) -> str:
    """Who a reference is: host and port. Addresses of one host are one witness, and a path may carry a key (I14)."""
    return urlsplit(reference.url).netloc.rpartition("@")[2]


def is_due(reference: Reference, asked: datetime | None, now: datetime, askers: int) -> bool:
    """Whether a reference that was last asked at that time may be asked, in its budget for ``askers`` monitors."""
    return asked is None or (now - asked).total_seconds() >= 0.9 * HOUR * CALLS * askers / reference.budget


class Witness:
    """One reference, asked in its own shape; ``seconds`` bounds each question. Its methods raise NodeError."""

    def __init__(self, session: ClientSession, coin: str, reference: Reference, seconds: float) -> None:
        self.name = name(reference)
        self._coin = coin
        self._session = session
        self._shape = reference.shape
        self._url = reference.url.rstrip("/")
        self._seconds = seconds

    def scrub(self, text: str) -> str:
        """A text without what its address may hold of a key: a server's answer likes to repeat it (I14)."""
        for part in urlsplit(self._url).path.split("/"):
            if len(part) >= SECRET_LENGTH:
                text = text.replace(part, "…")
        return text

    async def word(self, now: datetime) -> Word:
        """Its best block."""
        height, time = await self._tip()
        return Word(coin=self._coin, by=self.name, kind="reference", at=now, height=height, time=time)

    async def hash_at(self, height: int) -> str:
        """The hash of its block at a height."""
        if self._shape == "evm":
            return await evm.block_hash(Rpc(self._session, self._url, self._seconds), height)
        if self._shape == "status":
            return _hash((await self._get(f"/api/block-index/{height}", _BlockIndex)).block_hash)
        if self._shape == "blockbook":
            return _hash((await self._get(f"/api/v2/block-index/{height}", _BlockIndex)).block_hash)
        return _hash((await self._get(f"/blocks/{height}?limit=1", _Blockcypher)).hash)

    async def _tip(self) -> tuple[Height, datetime | None]:
        if self._shape == "evm":
            return await self._evm_tip()
        if self._shape == "status":
            return (await self._get("/api/status", _Status)).info.blocks, None
        if self._shape == "blockbook":
            return (await self._get("/api/v2", _Blockbook)).backend.blocks, None
        return (await self._get("", _Blockcypher)).height, None

    async def _evm_tip(self) -> tuple[Height, datetime | None]:
        block = await Rpc(self._session, self._url, self._seconds).call("eth_getBlockByNumber", "latest", False)
        return required(quantity(member(block, "number")), "height"), moment(quantity(member(block, "timestamp")))

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
