"""A server that stands for a node and sends whatever bytes a test wants, HTTP or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


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
