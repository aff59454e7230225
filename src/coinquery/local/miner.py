"""Makes a ``litecoind -regtest`` find a block each second."""

from __future__ import annotations

import argparse
import base64
import json
import urllib.request
from pathlib import Path

from coinquery.local.repeat import each_second

TIMEOUT = 10.0
#: Pays whoever likes (``OP_TRUE``): nobody owns anything on this chain.
DESCRIPTOR = "raw(51)"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def mine(node: str, cookie: Path) -> None:
    """Find one block. Raises OSError where the node doesn't answer or refuses."""
    call = {"jsonrpc": "1.0", "id": 1, "method": "generatetodescriptor", "params": [1, DESCRIPTOR]}
    secret = base64.b64encode(cookie.read_bytes()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {secret}"}
    _DIRECT.open(urllib.request.Request(node, json.dumps(call).encode(), headers), timeout=TIMEOUT).close()  # noqa: S310


def main() -> None:
    """Mine until ended."""
    parser = argparse.ArgumentParser(prog="miner", description="Make a local Litecoin node find a block each second.")
    parser.add_argument("--node", required=True, help="JSON-RPC of the node")
    parser.add_argument("--cookie", required=True, type=Path, help="the node's cookie file")
    arguments = parser.parse_args()
    each_second(lambda: mine(arguments.node, arguments.cookie), OSError, "mining")


if __name__ == "__main__":
    main()
