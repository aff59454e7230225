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
from urllib.parse import SplitResult, urlsplit

import msgspec

from coinquery.monitor import web
from coinquery.monitor.addresses import Resolved
from coinquery.monitor.head import Height, Word
from coinquery.nodes import NodeError, NodeMalformed, NodeRefused, NodeUnreachable, Rpc, evm
from coinquery.nodes.values import bitcoin_hash, evm_hash, member, moment, quantity, required

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import ClientSession

    from coinquery.coins import Reference

#: Calls that one round of questions may cost a reference.
CALLS = 3
HOUR = 3600
#: Parts of an address at least so long may be a key.
SECRET_LENGTH = 8
#: Characters of a key that are not shown either: an answer may be cut in the middle of one.
PIECE = 6

T = TypeVar("T")


def name(reference: Reference) -> str:
    """Who a reference is: host and port. Addresses of one host are one witness, and a path may carry a key (I14).

    One whose address is a secret that can't be read is called by the secret's place.
    """
    return urlsplit(reference.url).netloc.rpartition("@")[2] or reference.url


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
        self._address = urlsplit(reference.url)
        self._secret = reference if isinstance(reference, Resolved) else None
        self._seconds = seconds

    def complaint(self, error: NodeError) -> str:
        """What went wrong, without what its address may hold of a key: a server likes to repeat it (I14).

        Of what a server says whose address is a secret nothing is shown.
        """
        if self._secret is not None and isinstance(error, NodeRefused):
            return f"refused ({error.code})"
        if self._secret is not None and isinstance(error, NodeMalformed):
            return "it answers something else than was asked for"
        told = str(error)
        for key in _keys(self._address):
            told = told.replace(key, "…")
        pieces = (key[i : i + PIECE] for key in _keys(self._address) for i in range(len(key) - PIECE + 1))
        return "what it says repeats its address" if any(piece in told for piece in pieces) else told

    async def word(self, now: datetime) -> Word:
        """Its best block."""
        if self._secret is not None and self._secret.problem:
            raise NodeUnreachable(self._secret.problem)
        height, time = await self._tip()
        return Word(coin=self._coin, by=self.name, kind="reference", at=now, height=height, time=time)

    async def hash_at(self, height: int) -> str:
        """The hash of its block at a height."""
        if self._shape == "evm":
            return await evm.block_hash(self._rpc(), height)
        if self._shape == "status":
            return _hash((await self._get(f"/api/block-index/{height}", _BlockIndex)).block_hash)
        if self._shape == "blockbook":
            return _hash((await self._get(f"/api/v2/block-index/{height}", _BlockIndex)).block_hash)
        return _hash((await self._get(f"/blocks/{height}", _Blockcypher, "limit=1")).hash)

    async def _tip(self) -> tuple[Height, datetime | None]:
        if self._shape == "evm":
            return await self._evm_tip()
        if self._shape == "status":
            return (await self._get("/api/status", _Status)).info.blocks, None
        if self._shape == "blockbook":
            return (await self._get("/api/v2", _Blockbook)).backend.blocks, None
        return (await self._get("", _Blockcypher)).height, None

    async def _evm_tip(self) -> tuple[Height, datetime | None]:
        block = await self._rpc().call("eth_getBlockByNumber", "latest", False)
        return required(quantity(member(block, "number")), "height"), moment(quantity(member(block, "timestamp")))

    def _rpc(self) -> Rpc:
        return Rpc(self._session, self._at(), self._seconds)

    async def _get(self, path: str, kind: type[T], query: str = "") -> T:
        return await web.get_json(self._session, self._at(path, query), self._seconds, kind)

    def _at(self, path: str = "", query: str = "") -> str:
        """The address of something below the reference's own, whose query stays."""
        whole = "&".join(part for part in (self._address.query, query) if part)
        return self._address._replace(path=self._address.path.rstrip("/") + path, query=whole).geturl()


def _keys(address: SplitResult) -> list[str]:
    """What of an address may be a key: longer parts of its path and its query, and what stands before its host."""
    query = [value for pair in address.query.split("&") for value in pair.split("=")]
    parts = [*address.path.split("/"), *query, *address.netloc.rpartition("@")[0].split(":")]
    return [part for part in parts if len(part) >= SECRET_LENGTH]


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
