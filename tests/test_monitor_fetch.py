"""One GET over real sockets: what is whole is given, what is not is told apart, and nothing lasts or grows for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery.monitor import fetch
from coinquery.monitor.fetch import Reply
from coinquery.nodes import NodeMalformed, NodeUnreachable
from tests.services import run

SECONDS, LONGEST = 10, 4096
OK = b"HTTP/1.1 200 OK\r\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass
class Server:
    """A server; ``heads`` are the requests that came, the events tell that one came and that a client is gone."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serving(talk: Talk, address: str = "127.0.0.1") -> AsyncIterator[Server]:
    it, tasks = Server(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            it.heads.append(await reader.readuntil(b"\r\n\r\n"))
            it.asked.set()
            await talk(reader, writer)
        with contextlib.suppress(OSError):
            if not writer.is_closing():
                await reader.read()
        it.ended.set()
        writer.close()

    server = await asyncio.start_server(serve, address, 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for task in tasks:
            task.cancel()


def sends(*pieces: bytes, close: bool = True) -> Talk:
    """These bytes, and then the end of the connection, or nothing for ever."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return talk


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def half_closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\nwhole")
    writer.write_eof()


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def never_ends(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    while not writer.is_closing():
        writer.write(bytes(10_000))
        await writer.drain()
        await asyncio.sleep(0)


async def got(talk: Talk, seconds: float = SECONDS, longest: int = LONGEST) -> Reply | str:
    """The reply, or which error it was and what it says. Either way the connection is at an end after it."""
    async with serving(talk) as server:
        try:
            return await fetch.get("127.0.0.1", server.port, "/info", seconds, longest)
        except (NodeMalformed, NodeUnreachable) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            await asyncio.wait_for(server.ended.wait(), 10)
            assert len(server.heads) == 1


def answer(talk: Talk, seconds: float = SECONDS, longest: int = LONGEST) -> Reply | str:
    answers: list[Reply | str] = []

    async def steps() -> None:
        answers.append(await got(talk, seconds, longest))

    run(steps())
    return answers[0]


def sized(body: bytes, status: bytes = b"200 OK", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), extra, body)


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE: dict[str, tuple[Talk, Reply]] = {
    "length, and open": (sends(sized(b"whole"), close=False), Reply(200, b"whole")),
    "length": (sends(sized(b"whole")), Reply(200, b"whole")),
    "no byte": (sends(sized(b"")), Reply(200, b"")),
    "chunks": (
        sends(CHUNKED, b"5;x=y\r\nwhole\r\n", b"1\r\n.\r\n0\r\nA: b\r\n\r\n", close=False),
        Reply(200, b"whole."),
    ),
    "no length": (sends(OK + b"\r\nwho", b"le"), Reply(200, b"whole")),
    "half-close": (half_closes, Reply(200, b"whole")),
    "HTTP/1.0": (sends(b"HTTP/1.0 200 OK\r\n\r\nwhole"), Reply(200, b"whole")),
    "no content": (sends(b"HTTP/1.1 204 No Content\r\n\r\n", close=False), Reply(204, b"")),
    "redirect": (
        sends(sized(b"there", b"302 Found", b"Location: http://169.254.169.254/latest/meta-data/\r\n")),
        Reply(302, b"there"),
    ),
    "error": (sends(sized(b"<html>", b"500 Internal Server Error")), Reply(500, b"<html>")),
    "two replies": (sends(sized(b"first") + sized(b"second")), Reply(200, b"first")),
    "and more": (sends(sized(b"whole") + b"\x00more"), Reply(200, b"whole")),
    "compressed unasked": (
        sends(sized(b"\x1f\x8b\x08", extra=b"Content-Encoding: gzip\r\n")),
        Reply(200, b"\x1f\x8b\x08"),
    ),
    "a byte a piece": (sends(*(bytes([b]) for b in sized(b"whole")), close=False), Reply(200, b"whole")),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_reply_is_given_as_it_was_sent(case: str) -> None:
    talk, reply = WHOLE[case]
    assert answer(talk) == reply


BROKEN: dict[str, tuple[Talk, str]] = {
    "nothing": (sends(), "NodeUnreachable: the connection broke"),
    "half a head": (sends(OK + b"Content-Le"), "NodeUnreachable: the connection broke"),
    "half a body": (sends(sized(b"whole")[:-1]), "NodeUnreachable: the connection broke"),
    "half a chunk": (sends(CHUNKED + b"5\r\nwho"), "NodeUnreachable: the connection broke"),
    "no last chunk": (sends(CHUNKED + b"5\r\nwhole\r\n"), "NodeUnreachable: the connection broke"),
    "reset": (resets, "NodeUnreachable: "),
    "upgrade": (
        sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", close=False),
        "NodeMalformed: HTTP 101, which answers nothing",
    ),
    "continue": (
        sends(b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"whole"), close=False),
        "NodeMalformed: HTTP 100, which answers nothing",
    ),
    "early hints": (sends(b"HTTP/1.1 103 Early Hints\r\n\r\n", close=False), "NodeMalformed: HTTP 103"),
    "two lengths": (
        sends(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nwhole."),
        "NodeMalformed: not HTTP: ",
    ),
    "length and chunks": (
        sends(OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "NodeMalformed: not HTTP: ",
    ),
    "negative length": (sends(OK + b"Content-Length: -1\r\n\r\n"), "NodeMalformed: not HTTP: "),
    "length beyond 64 bit": (sends(OK + b"Content-Length: %d\r\n\r\n" % 10**20), "NodeMalformed: not HTTP: "),
    "chunk of no number": (sends(CHUNKED + b"x\r\n"), "NodeMalformed: not HTTP: "),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), "NodeMalformed: not HTTP: "),
    "TLS": (sends(b"\x15\x03\x01\x00\x02\x02\x46"), "NodeMalformed: not HTTP: "),
    "a line as in HTTP/0.9": (sends(b"<html>whole</html>"), "NodeMalformed: not HTTP: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_i13_what_is_no_whole_reply_is_told_apart_and_never_taken_for_one(case: str) -> None:
    talk, told = BROKEN[case]
    said = answer(talk)
    assert isinstance(said, str)
    assert said.startswith(told)


def test_nobody_at_the_address_is_unreachable() -> None:
    async def steps() -> None:
        async with serving(sends()) as server:
            port = server.port
        with pytest.raises(NodeUnreachable, match="Connection refused"):
            await fetch.get("127.0.0.1", port, "/info", SECONDS, LONGEST)

    run(steps())


@pytest.mark.parametrize("talk", [sends(close=False), sends(OK, close=False), drips], ids=["silent", "head", "drip"])
def test_a_reply_that_takes_too_long_is_given_up_whether_something_comes_or_not(talk: Talk) -> None:
    assert answer(talk, seconds=0.3) == "NodeUnreachable: no answer within 0.3 s"


def test_a_connection_that_does_not_come_about_is_given_up_as_well() -> None:
    """A listener whose queue is full lets nobody in and refuses nobody."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

        async def steps() -> None:
            with pytest.raises(NodeUnreachable, match=r"no answer within 0\.3 s"):
                await fetch.get("127.0.0.1", listener.getsockname()[1], "/info", 0.3, LONGEST)

        run(steps())


def test_head_and_body_together_have_a_limit_to_the_byte() -> None:
    reply = sized(bytes(1000))
    assert answer(sends(reply), longest=len(reply)) == Reply(200, bytes(1000))
    too_long = f"NodeMalformed: the reply is longer than {len(reply) - 1} bytes"
    assert answer(sends(reply, close=False), longest=len(reply) - 1) == too_long


@pytest.mark.parametrize(
    "talk",
    [never_ends, sends(OK + b"X: " + b"x" * 10**6, close=False), sends(OK + b"X: y\r\n" * 10**5, close=False)],
    ids=["body", "header", "headers"],
)
def test_a_reply_without_end_is_cut_off(talk: Talk) -> None:
    assert answer(talk) == f"NodeMalformed: the reply is longer than {LONGEST} bytes"


def test_the_request_is_one_get_that_asks_for_nothing_compressed_and_no_second_reply() -> None:
    async def steps() -> None:
        async with serving(sends(sized(b""))) as server:
            await fetch.get("127.0.0.1", server.port, "/info", SECONDS, LONGEST)
        (head,) = server.heads
        first, *lines = head.decode().removesuffix("\r\n\r\n").split("\r\n")
        assert first == "GET /info HTTP/1.1"
        assert dict(line.split(": ") for line in lines) == {
            "Host": f"127.0.0.1:{server.port}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "coinquery",
            "Connection": "close",
        }

    run(steps())


def test_ipv6_is_spoken_where_the_machine_has_it() -> None:
    async def steps() -> None:
        try:
            async with serving(sends(sized(b"six")), "::1") as server:
                assert await fetch.get("::1", server.port, "/info", SECONDS, LONGEST) == Reply(200, b"six")
                assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.heads[0]
        except OSError as error:
            pytest.skip(f"no IPv6 on loopback: {error}")

    run(steps())


def test_who_stops_waiting_leaves_no_connection_behind() -> None:
    async def steps() -> None:
        async with serving(sends(close=False)) as server:
            waiting = asyncio.create_task(fetch.get("127.0.0.1", server.port, "/info", SECONDS, LONGEST))
            await asyncio.wait_for(server.asked.wait(), 10)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.wait_for(server.ended.wait(), 10)

    run(steps())


@given(
    body=st.binary(max_size=60),
    way=st.sampled_from(["length", "chunks", "close"]),
    cuts=st.lists(st.integers(0, 150), max_size=6).map(sorted),
)
@settings(max_examples=60, deadline=None)
def test_however_a_reply_is_cut_into_pieces_it_is_the_same(body: bytes, way: str, cuts: list[int]) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"
    whole = {"length": sized(body), "chunks": CHUNKED + chunks, "close": OK + b"\r\n" + body}[way]
    ends = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(ends) if whole[a:b]]
    assert answer(sends(*pieces, close=way == "close")) == Reply(200, body)
