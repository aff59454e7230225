"""Makes a ``litecoind -regtest`` find a block each second."""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
import urllib.request
from pathlib import Path

INTERVAL, TIMEOUT = 1.0, 10.0
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
    """Mine until ended; say each trouble once."""
    parser = argparse.ArgumentParser(prog="miner", description="Make a local Litecoin node find a block each second.")
    parser.add_argument("--node", required=True, help="JSON-RPC of the node")
    parser.add_argument("--cookie", required=True, type=Path, help="the node's cookie file")
    arguments = parser.parse_args()
    said = ""
    while True:
        trouble = ""
        try:
            mine(arguments.node, arguments.cookie)
        except OSError as error:
            trouble = str(error)
        if trouble != said:
            print(trouble or "mining", file=sys.stderr, flush=True)
            said = trouble
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
