"""The documents of ``/api/status`` and ``/api/sync``."""

from __future__ import annotations

from asyncio import gather
from typing import Any

from coinquery.nodes import NodeState, Rpc
from coinquery.nodes.values import count, member, text

Document = dict[str, Any]


async def ask_status(rpc: Rpc) -> Document:
    """Ask the node for ``/api/status``. What it does not tell is null. Raises NodeError."""
    chain, network = await gather(rpc.call("getblockchaininfo"), rpc.call("getnetworkinfo"))
    name = text(member(chain, "chain"))
    proxies = member(network, "networks")
    return {
        "info": {
            "version": count(member(network, "version")),
            "protocolversion": count(member(network, "protocolversion")),
            "blocks": count(member(chain, "blocks")),
            "timeoffset": _number(member(network, "timeoffset")),
            "connections": count(member(network, "connections")),
            "proxy": text(member(proxies[0], "proxy")) or "" if isinstance(proxies, list) and proxies else "",
            "difficulty": _number(member(chain, "difficulty")),
            "testnet": None if name is None else name != "main",
            "relayfee": _number(member(network, "relayfee")),
            "errors": _warnings(member(network, "warnings")),
            "network": None if name is None else "livenet" if name == "main" else "testnet",
        }
    }


def last_block_hash(state: NodeState) -> Document:
    """``/api/status?q=getLastBlockHash``."""
    return {"syncTipHash": state.head_hash, "lastblockhash": state.head_hash}


def sync(state: NodeState) -> Document:
    """``/api/sync``: "finished" only if the node says so, 100 % only then."""
    is_finished = state.syncing is False and state.height is not None
    network = None if state.target is None or state.height is None else max(state.target, state.height)
    return {
        "status": "finished" if is_finished else "syncing",
        "blockChainHeight": network,
        "syncPercentage": 100 if is_finished else _percentage(state.height, network),
        "height": state.height,
        "error": state.error,
        "type": "bcore node",
    }


def _percentage(height: int | None, network: int | None) -> int | None:
    if height is None or not network:
        return None
    return min(99, 100 * height // network)


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _warnings(value: Any) -> str | None:
    """A text; newer nodes give a list of texts."""
    return "; ".join(filter(None, map(text, value))) if isinstance(value, list) else text(value) or ""
