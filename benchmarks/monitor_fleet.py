"""A fleet that answers: every address of 127.0.0.0/8 on the service's port is an instance, and three are references.

``python -m benchmarks.monitor_fleet`` serves until it is ended. ``GET /info`` is answered after 50 ms with the document
of a healthy eth instance; an instance in ``SILENT`` accepts the connection and says nothing. ``POST /`` is a
reference's JSON-RPC. The chain makes a block every 12 s of the machine's clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import uvloop

from coinquery.monitor.probe import SERVICE_PORT
from coinquery.nodes import anchors

DELAY = 0.05
BLOCK_TIME = 12
COMMIT = "0123456789abcdef0123456789abcdef01234567"
RELEASE = "v1.2.0"
ANSWERING, SILENT = "127.100", "127.99"
REFERENCES = tuple(f"http://127.101.0.{n}:{SERVICE_PORT}" for n in (1, 2, 3))

_SILENT_HOST = f"Host: {SILENT}.".encode()


def address(number: int, silent: bool) -> str:
    """The address of the instance of that number, from 0 to 62,499."""
    return f"{SILENT if silent else ANSWERING}.{number // 250}.{number % 250 + 1}"


def is_silent(number: int, every: int) -> bool:
    """Whether that instance never answers, if one of ``every`` does not; 0 is none."""
    return every > 0 and number % every == 0


def serve(port: int = SERVICE_PORT) -> None:
    """Answer on every loopback address. Ends with a message if the port is taken."""
    uvloop.run(_serve(port))


async def _serve(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # All addresses, but of the loopback interface only.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        try:
            listener.bind(("0.0.0.0", port))
        except OSError as error:
            raise SystemExit(f"port {port} of 127.0.0.0/8 can't be had: {error.strerror}") from None
        server = await asyncio.get_running_loop().create_server(_Instance, sock=listener, backlog=4096)
        await server.serve_forever()


class _Instance(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"POST"):
            if len(body) >= _length(head):
                self._answer(_reference(body))
        elif _SILENT_HOST not in head:
            asyncio.get_running_loop().call_later(DELAY, self._tell)

    def _tell(self) -> None:
        self._answer(_info(int(time.time()) // BLOCK_TIME))

    def _answer(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)
            self._transport.close()


def _length(head: bytes) -> int:
    headers = (line.split(b":", 1) for line in head.split(b"\r\n")[1:])
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), 0)


@lru_cache(1)
def _info(height: int) -> bytes:
    result: dict[str, Any] = {
        "commitHash": COMMIT,
        "buildTimestamp": "2026-11-24T05:00:00Z",
        "client": "geth",
        "ClientVersion": "1.17.5",
        "coin": "eth",
        "release": RELEASE,
        "stack": "cq-eth-0001-prod",
        "chain": "1",
        "height": height,
        "headTime": datetime.fromtimestamp(height * BLOCK_TIME, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "headHash": block_hash(height),
        "syncing": False,
        "progress": 0,
        "anchors": {str(anchor): block_hash(anchor) for anchor in anchors.heights(height)},
        "volume": {"size": 2_684_354_560_000, "free": 1_184_354_560_000, "growth": 5_368_709_120.5},
        "inStep": True,
        "reasons": [],
    }
    return _http({"status": "1", "message": "OK", "result": result})


def _reference(body: bytes) -> bytes:
    call = json.loads(body)
    result: Any = None
    if call["method"] == "eth_getBlockByNumber":
        asked = call["params"][0]
        height = int(time.time()) // BLOCK_TIME if asked == "latest" else int(asked, 16)
        result = {"number": hex(height), "timestamp": hex(height * BLOCK_TIME), "hash": block_hash(height)}
    return _http({"jsonrpc": "2.0", "id": call["id"], "result": result})


def block_hash(height: int) -> str:
    """The hash of the block at a height."""
    return "0x" + hashlib.sha256(str(height).encode()).hexdigest()


def _http(document: dict[str, Any]) -> bytes:
    body = json.dumps(document).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close"
    return head.format(len(body)).encode() + b"\r\n\r\n" + body


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
