"""How to ask a node that speaks Bitcoin's JSON-RPC (bitcoind and its many relatives)."""

from __future__ import annotations

from asyncio import gather
from datetime import datetime
from typing import Any

from coinquery.nodes.answers import attempt, first_failure, known
from coinquery.nodes.model import NodeState
from coinquery.nodes.rpc import Rpc
from coinquery.nodes.values import bitcoin_hash, count, member, moment, required, text


async def observe(rpc: Rpc) -> NodeState:
    """What the node says of itself. Never raises NodeError: what can't be learnt is None."""
    chain, genesis, network = await gather(
        attempt(_chain_info(rpc)), attempt(block_hash(rpc, 0)), attempt(rpc.call("getnetworkinfo"))
    )
    info = known(chain)
    best = bitcoin_hash(member(info, "bestblockhash"))
    return NodeState(
        height=count(member(info, "blocks")),
        head_time=known(await attempt(_time(rpc, best))) if best else None,
        head_hash=best,
        target=count(member(info, "headers")),
        syncing=_is_syncing(info),
        progress=_progress(info),
        chain=known(genesis),
        client=text(member(known(network), "subversion")),
        peers=count(member(known(network), "connections")),
        failure=first_failure(chain, genesis),
    )


async def block_hash(rpc: Rpc, height: int) -> str:
    """The hash of the block at a height. Raises NodeError; NodeRefused where the node has no such block."""
    return required(bitcoin_hash(await rpc.call("getblockhash", height)), "block hash")


async def _chain_info(rpc: Rpc) -> Any:
    info = await rpc.call("getblockchaininfo")
    required(count(member(info, "blocks")), "height")
    return info


async def _time(rpc: Rpc, best: str) -> datetime | None:
    """When the block was made: ``getblockchaininfo`` has the median of eleven blocks, which is hours behind."""
    return moment(count(member(await rpc.call("getblockheader", best), "time")))


def _progress(info: Any) -> int | None:
    """Its blocks; before it has any, its headers, which it fetches first. Later ones come while it may hang."""
    return count(member(info, "blocks")) or count(member(info, "headers"))


def _is_syncing(info: Any) -> bool | None:
    """As the node says; where it does not say (bsv), by its headers, of which one may be a block on its way."""
    said = member(info, "initialblockdownload")
    if isinstance(said, bool):
        return said
    height, target = count(member(info, "blocks")), count(member(info, "headers"))
    return None if height is None or target is None else target > height + 1
