"""Real nodes for tests, on loopback: anvil and, where it is installed, litecoind."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coinquery.local import toolchain

REGTEST_GENESIS = "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class RealNode:
    """A running node. ``cookie`` is where it writes its credentials, if it does."""

    url: str
    process: subprocess.Popen[bytes]
    cookie: Path | None = None

    def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call, outside the code under test."""
        request = urllib.request.Request(
            self.url, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        )
        request.add_header("Content-Type", "application/json")
        if self.cookie is not None:
            request.add_header("Authorization", "Basic " + base64.b64encode(self.cookie.read_bytes()).decode())
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["result"]


@contextmanager
def anvil(*arguments: str) -> Iterator[RealNode]:
    """An anvil that looks like mainnet; it mines only when told, unless the arguments say otherwise."""
    port = free_port()
    command = [str(toolchain.anvil()), "--port", str(port), "--chain-id", "1", "--number", "19000000", "--silent"]
    with _running([*command, *arguments]) as process:
        yield _ready(RealNode(f"http://127.0.0.1:{port}", process), "eth_chainId")


@contextmanager
def litecoind(folder: Path, port: int | None = None, *arguments: str) -> Iterator[RealNode]:
    """A litecoind on a chain of its own, unless the arguments connect it; skips where litecoind is not installed."""
    program = toolchain.litecoind()
    if program is None:
        pytest.skip("litecoind is not installed")
    port = port or free_port()
    command = [
        str(program), "-regtest", "-server", "-vbparams=mweb:-2:0", "-rpcworkqueue=256", "-dnsseed=0", "-discover=0",
        "-listen=0", "-listenonion=0", "-printtoconsole=0", f"-datadir={folder}", f"-rpcport={port}",
    ]  # fmt: skip
    with _running([*command, *arguments]) as process:
        yield _ready(RealNode(f"http://127.0.0.1:{port}", process, folder / "regtest" / ".cookie"), "getblockcount")


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(node: RealNode, method: str) -> RealNode:
    deadline = time.monotonic() + 30
    while True:
        try:
            node.ask(method)
        except (OSError, urllib.error.URLError):
            if time.monotonic() > deadline or node.process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return node
