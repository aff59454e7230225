"""One HTTP GET to one address, as cheap as it can be: thousands of instances are asked in a sweep, one request each.

Nobody is trusted: the reply has a limit in time and in size, redirects and upgrades are not followed, and no name is
resolved. The syntax of HTTP is httptools' business.
"""

from __future__ import annotations

import asyncio
from os import strerror
from typing import Any, NamedTuple, cast

from coinquery.nodes.errors import NodeMalformed, NodeUnreachable


class Reply(NamedTuple):
    """A whole reply: its status and its body."""

    status: int
    body: bytes


async def get(address: str, port: int, path: str, seconds: float, longest: int) -> Reply:
    """The reply to ``GET path``, of at most ``longest`` bytes and within ``seconds`` from connecting to its last byte.

    Raises NodeUnreachable or NodeMalformed.
    """
    loop = asyncio.get_running_loop()
    exchange = _Exchange(_request(address, port, path), longest, loop.create_future())
    # A timer and a task are much cheaper than asyncio.timeout around both steps.
    timer = loop.call_later(seconds, exchange.fail, NodeUnreachable(f"no answer within {seconds:g} s"))
    connecting = loop.create_task(loop.create_connection(lambda: exchange, address, port))
    connecting.add_done_callback(exchange.connected)
    try:
        return await exchange.reply
    finally:
        timer.cancel()
        connecting.cancel()
        exchange.close()


def _request(address: str, port: int, path: str) -> bytes:
    host = f"[{address}]" if ":" in address else address
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
        "User-Agent: coinquery\r\nConnection: close\r\n\r\n"
    ).encode()


def _why(error: OSError) -> str:
    return strerror(error.errno) if error.errno and error.errno > 0 else f"no connection: {type(error).__name__}"


class _Exchange(asyncio.Protocol):
    """One connection: sends the request, and has the reply or a NodeError in ``reply``."""

    def __init__(self, request: bytes, longest: int, reply: asyncio.Future[Reply]) -> None:
        import httptools

        self.reply = reply
        self._request = request
        self._longest = longest
        self._received = 0
        self._body = bytearray()
        self._says_its_length = False
        self._ends_with_connection = False
        self._not_http = (httptools.HttpParserError, httptools.HttpParserUpgrade)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """End the connection at once, whatever is still on its way."""
        self.reply.cancel()
        if self._transport is not None:
            self._transport.abort()
        del self._parser  # It holds this exchange: thousands of such pairs would wait for the garbage collector.

    def connected(self, connecting: asyncio.Task[Any]) -> None:
        """There is a connection, or will be none."""
        error = None if connecting.cancelled() else connecting.exception()
        if error is not None:
            self.fail(NodeUnreachable(_why(error)) if isinstance(error, OSError) else error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request, if somebody still waits for the reply."""
        self._transport = cast("asyncio.Transport", transport)
        if self.reply.done():
            self._transport.abort()
        else:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take a piece of the reply."""
        self._received += len(data)
        if self._received > self._longest:
            self.fail(NodeMalformed(f"the reply is longer than {self._longest} bytes"))
            return
        try:
            self._parser.feed_data(data)
        except self._not_http as error:
            self.fail(NodeMalformed(f"not HTTP: {type(error).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The reply is whole now, if its end is the end of the connection."""
        if exc is None and self._ends_with_connection:
            self.on_message_complete()
        self.fail(NodeUnreachable("the connection broke" if exc is None else f"it broke: {type(exc).__name__}"))

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - httptools gives both
        """Remember whether the reply says how long it is."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._says_its_length = True

    def on_headers_complete(self) -> None:
        """Refuse what is no final answer. One that does not say how long it is ends with the connection."""
        self._ends_with_connection = not self._says_its_length
        if self._parser.get_status_code() < 200:
            self.fail(NodeMalformed(f"HTTP {self._parser.get_status_code()}, which answers nothing"))

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The reply is whole."""
        if not self.reply.done():
            self.reply.set_result(Reply(self._parser.get_status_code(), bytes(self._body)))

    def fail(self, error: BaseException) -> None:
        """There will be no reply, unless there is one already."""
        if not self.reply.done():
            self.reply.set_exception(error)
