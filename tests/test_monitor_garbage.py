"""An instance that answers leaves no cycles of objects, so Python may search for them seldom without costing memory."""

from __future__ import annotations

import asyncio
import gc

import pytest

from coinquery.monitor import fetch
from coinquery.monitor.garbage import YOUNG, searched_seldom


def test_the_search_comes_as_often_as_before_afterwards_even_after_a_failure() -> None:
    before = gc.get_threshold()

    @searched_seldom()
    def fail() -> None:
        assert gc.get_threshold() == (YOUNG, *before[1:])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gc.get_threshold() == before


def exchanges() -> int:
    return sum(type(known).__name__ == "_Exchange" for known in gc.get_objects())


def test_exchanges_are_freed_without_a_search() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read()
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for _ in range(5):
            assert (await fetch.get("127.0.0.1", port, "/info", 5, 100)).body == b"{}"
        await asyncio.sleep(0.05)
        assert exchanges() == 0
        server.close()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(ask())
    finally:
        gc.enable()
