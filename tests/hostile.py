"""A server that stands for a node and sends whatever bytes a test wants, HTTP or not; and what instances may reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


@dataclass
class Said:
    """One request as it came: head and body, byte for byte."""

    head: str
    body: bytes


@dataclass
class Node:
    """The server's address, and what it was asked."""

    url: str = ""
    asked: list[Said] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def methods(self) -> list[str]:
        """The methods of all calls, read by a parser that is not the one under test."""
        calls = [json.loads(said.body) for said in self.asked]
        return [call["method"] for each in calls for call in (each if isinstance(each, list) else [each])]

    async def until_asked(self, method: str) -> None:
        """Wait for a call of a method."""
        while method not in self.methods:
            self.news.clear()
            await self.news.wait()


#: What the server does with one request: the pieces it sends, with None for "say nothing for a long time".
Script = Callable[[bytes], list[bytes | None]]


@asynccontextmanager
async def node(script: Script) -> AsyncIterator[Node]:
    """Run the server; each connection serves requests until the script's pieces are sent, then closes."""
    it = Node()
    open_connections: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(next(line for line in head.lower().split("\r\n") if "content-length" in line).split(":")[1])
        body = await reader.readexactly(length)
        it.asked.append(Said(head, body))
        it.news.set()
        for piece in script(body):
            if piece is None:
                await asyncio.sleep(3600)
            else:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(talk(reader, writer))
        open_connections.add(task)
        await asyncio.wait([task])
        if not task.cancelled() and task.exception():
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    it.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield it
    finally:
        server.close()
        for task in open_connections:
            task.cancel()


def http(body: bytes, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    """A whole HTTP response."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{extra}\r\n"
    )
    return head.encode("latin-1") + body


def sends(*pieces: bytes | None) -> Script:
    """The same answer to everything."""
    return lambda _: list(pieces)


def answers(results: dict[str, Any]) -> Script:
    """A node of JSON-RPC: a result for each method, or an exception's arguments ``(code, message)`` for an error.

    What it has no result for it does not know.
    """

    def reply(body: bytes) -> list[bytes | None]:
        call = json.loads(body)
        found = results.get(call["method"], (-32601, "unknown method"))
        outcome = {"error": {"code": found[0], "message": found[1]}} if isinstance(found, tuple) else {"result": found}
        return [http(json.dumps({"jsonrpc": "2.0", "id": call["id"], **outcome}).encode())]

    return reply


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
#: Heights as honest services never write them, and one as they do.
numbers: st.SearchStrategy[Any] = st.sampled_from(
    ["0x1b4", "1b4", "436", "NaN", 436, 436.0, -1, 2**60, 2**80, 1e300, None, True, [], {}]
)
times: st.SearchStrategy[Any] = st.sampled_from(
    ["2026-11-24T12:00:00Z", "2026-11-24", "soon", 0, 1764000000, None, [], "9999999-01-01T00:00:00Z"]
)
results = st.fixed_dictionaries(
    {},
    optional={
        "commitHash": json_values | st.just("f" * 40),
        "height": numbers,
        "headTime": times,
        "chain": json_values | st.just("1"),
        "syncing": json_values,
        "progress": numbers,
        "anchors": json_values
        | st.dictionaries(st.sampled_from(["430", "-1", "x", "1e9"]), json_values | st.just("a")),
        "volume": json_values | st.fixed_dictionaries({"size": numbers, "free": numbers, "growth": numbers}),
        "reasons": json_values,
    },
)
infos = st.fixed_dictionaries({"status": st.just("1"), "message": st.just("OK"), "result": results}) | json_values
#: Bodies: an ``/info`` in which anything may be anything, other JSON, no JSON.
replies = infos.map(lambda info: json.dumps(info).encode()) | st.binary(max_size=200)
