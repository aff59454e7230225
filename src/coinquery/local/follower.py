"""The consensus client of local eth nodes: it makes a replica (``anvil --fork-url``) follow the chain it replicates.

Started as ``python -m coinquery.local.follower --node URL --network URL``. Once a second it asks the network for its
height and, if the node is behind, tells the node to take the network's state as its own: same hashes, same times. The
node answers all requests meanwhile. Without the network the node stays where it is, as a node without peers does.
"""

from __future__ import annotations

import argparse
import http.client
import json
import urllib.request
from typing import Any

from coinquery.local.repeat import each_second

TIMEOUT = 5.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RpcFailed(Exception):
    """A node gave no result."""


def call(url: str, method: str, *parameters: object) -> Any:
    """The result of a JSON-RPC call. Raises RpcFailed where there is none."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own address
    try:
        with _DIRECT.open(request, timeout=TIMEOUT) as reply:
            answer = json.load(reply)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RpcFailed(f"{url}: {error}") from error
    if "result" not in answer:
        raise RpcFailed(f"{url}: {method}: {answer.get('error')}")
    return answer["result"]


def follow(node: str, network: str) -> bool:
    """Bring the node to the network's height; return whether that needed anything. Raises RpcFailed."""
    if call(node, "eth_blockNumber") == call(network, "eth_blockNumber"):
        return False
    call(node, "anvil_reset", {"forking": {"jsonRpcUrl": network}})
    return True


def main() -> None:
    """Follow until ended."""
    parser = argparse.ArgumentParser(prog="follower", description="Make a replica of a local chain follow it.")
    parser.add_argument("--node", required=True, help="JSON-RPC of the replica")
    parser.add_argument("--network", required=True, help="JSON-RPC of a public node of the chain")
    arguments = parser.parse_args()
    each_second(lambda: follow(arguments.node, arguments.network), RpcFailed, "following")


if __name__ == "__main__":
    main()
