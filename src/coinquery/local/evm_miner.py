"""Makes several anvils find the same block each second, so that each is a node of one chain and needs no other.

What anvil mines depends on the parent and on the time that it is told (tried: all fields agree). Nodes that began with
the same first block and are told the same times have the same blocks; one that was busy catches up, one that is gone
holds nobody up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from coinquery.local.follower import RpcFailed, call
from coinquery.local.repeat import each_second

BLOCK_TIME = 1


def mine(nodes: Sequence[str], now: int) -> None:
    """Bring each node to the block of the time ``now``. Raises RpcFailed when all had their turn, if one failed."""
    failed = []
    for node in nodes:
        try:
            _mine(node, now)
        except RpcFailed as error:
            failed.append(str(error))
    if failed:
        raise RpcFailed("; ".join(failed))


def _mine(node: str, now: int) -> None:
    last = int(call(node, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    for due in range(last + BLOCK_TIME, now + 1, BLOCK_TIME):
        call(node, "evm_mine", {"timestamp": due})


def main() -> None:
    """Mine until ended."""
    parser = argparse.ArgumentParser(prog="evm_miner", description="Make local eth nodes find the same blocks.")
    parser.add_argument("--node", required=True, action="append", help="JSON-RPC of a node; may be given several times")
    nodes = parser.parse_args().node
    each_second(lambda: mine(nodes, int(time.time())), RpcFailed, "mining")


if __name__ == "__main__":
    main()
