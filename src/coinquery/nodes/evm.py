"""How to ask a node that speaks Ethereum's JSON-RPC (geth, reth, anvil, …)."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coinquery.nodes.answers import attempt, first_failure, known
from coinquery.nodes.errors import NodeRefused
from coinquery.nodes.model import NodeState
from coinquery.nodes.rpc import Rpc
from coinquery.nodes.values import count, evm_hash, member, moment, quantity, required, text


async def observe(rpc: Rpc) -> NodeState:
    """What the node says of itself. Never raises NodeError: what can't be learnt is None."""
    head, chain, syncing, client, peers = await gather(
        attempt(_head(rpc)),
        attempt(_chain(rpc)),
        attempt(rpc.call("eth_syncing")),
        attempt(rpc.call("web3_clientVersion")),
        attempt(rpc.call("net_peerCount")),
    )
    best = known(head) or _Head()
    return NodeState(
        height=best.height,
        head_time=best.time,
        head_hash=best.hash,
        target=quantity(member(known(syncing), "highestBlock")),
        syncing=_is_syncing(known(syncing)),
        progress=_progress(known(syncing)),
        chain=known(chain),
        client=text(known(client)),
        peers=quantity(known(peers)),
        failure=first_failure(head, chain),
    )


async def block_hash(rpc: Rpc, height: int) -> str:
    """The hash of the block at a height. Raises NodeError; NodeRefused where the node has no such block."""
    block = await rpc.call("eth_getBlockByNumber", hex(height), False)
    if block is None:
        raise NodeRefused(0, f"it has no block {height}")
    return required(evm_hash(member(block, "hash")), "block hash")


@dataclass(frozen=True)
class _Head:
    height: int | None = None
    time: datetime | None = None
    hash: str | None = None


async def _head(rpc: Rpc) -> _Head:
    """Height, time and hash of one and the same block, which separate calls would not promise."""
    block = await rpc.call("eth_getBlockByNumber", "latest", False)
    return _Head(
        required(quantity(member(block, "number")), "height"),
        moment(quantity(member(block, "timestamp"))),
        evm_hash(member(block, "hash")),
    )


async def _chain(rpc: Rpc) -> str:
    return str(required(quantity(await rpc.call("eth_chainId")), "chain id"))


def _is_syncing(answer: Any) -> bool | None:
    """``false``, or an object while it syncs; an error (seen before the first peer) or anything else is unknown."""
    if answer is False:
        return False
    return True if isinstance(answer, dict) else None


def _progress(answer: Any) -> int | None:
    """The sum of the counters in an answer to ``eth_syncing``; None where it has none.

    geth counts blocks, accounts, trie nodes and bytes, reth and erigon the blocks of each of their ``stages``. The
    network's own height is no progress of the node.
    """
    own = {name: value for name, value in answer.items() if name != "highestBlock"} if isinstance(answer, dict) else {}
    counters = [number for number in map(quantity, _values(own)) if number is not None]
    return count(sum(counters)) if counters else None


def _values(answer: dict[str, Any]) -> Iterator[Any]:
    """The values of an object, and those of the objects in its lists."""
    for value in answer.values():
        for entry in value if isinstance(value, list) else ():
            yield from entry.values() if isinstance(entry, dict) else ()
        yield value
