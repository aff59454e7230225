"""Forward JSON-RPC to the node: what is allowed, within limits, streaming, with a clear error where that fails."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
from aiohttp import web

from coinquery.nodes import Cookie, NodeError, NodeMalformed, NodeRefused, NodeUnreachable
from coinquery.nodes.errors import UNAVAILABLE
from coinquery.nodes.rpc import excerpt, explained, headers
from coinquery.service import calls
from coinquery.service.calls import Unacceptable
from coinquery.service.metrics import Metrics
from coinquery.service.replies import JSON
from coinquery.service.settings import Limits

#: White space that a node may send before its reply, in bytes.
LONGEST_BLANK = 1024


class Forwarder:
    """The way to one node. The session is its own: requests that hang must not keep the health checks waiting."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        node: str,
        cookie: Cookie | None,
        allowed: frozenset[str],
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._session = session
        self._node = node
        self._cookie = cookie
        self._allowed = allowed
        self._limits = limits
        self._metrics = metrics
        self._under_way = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one POST."""
        self._under_way += 1
        try:
            asked = calls.read(await self._body(request), self._allowed, self._limits.batch)
            self._metrics.forwarded["other", "refused"] += len(asked.refusals)
            return await self._answer(request, asked)
        except Unacceptable as error:
            body = msgspec.json.encode(calls.failure(None, error.code, str(error)))
            return _json(body, error.status)
        finally:
            self._under_way -= 1

    async def _body(self, request: web.Request) -> bytes:
        if self._under_way > self._limits.under_way:
            raise Unacceptable(calls.LIMIT_EXCEEDED, "too many requests are under way; try again", 503)
        try:
            async with asyncio.timeout(self._limits.silence):
                return await request.read()
        except TimeoutError:
            raise Unacceptable(calls.LIMIT_EXCEEDED, "the body did not arrive in time", 408) from None
        except web.HTTPRequestEntityTooLarge:
            message = f"the body is longer than {self._limits.body} bytes"
            raise Unacceptable(calls.LIMIT_EXCEEDED, message, 413) from None

    async def _answer(self, request: web.Request, asked: calls.Request) -> web.StreamResponse:
        if not asked.calls:
            return _json(asked.answer(calls.INVALID_REQUEST, ""), 200)
        try:
            response = await self._carry(request, asked)
        except NodeError as error:
            is_away = isinstance(error, NodeUnreachable)
            self._count(asked, "unreachable" if is_away else "malformed")
            code = UNAVAILABLE if is_away else calls.INTERNAL_ERROR
            return _json(asked.answer(code, f"the node gave no usable answer: {error}"), 502)
        self._count(asked, "forwarded")
        return response

    async def _carry(self, request: web.Request, asked: calls.Request) -> web.StreamResponse:
        """Send the calls on and give the node's reply back. Raises NodeError as long as nothing was given back."""
        with explained(self._limits.silence):
            async with self._session.post(
                self._node,
                data=asked.body(),
                headers=headers(self._cookie),
                allow_redirects=False,
                auto_decompress=False,
            ) as reply:
                first = await _first(reply, asked.is_batch)
                if reply.content.at_eof():
                    return _json(_whole(first, reply.status, asked), reply.status)
                return await _stream(request, reply, first, asked)

    def _count(self, asked: calls.Request, outcome: str) -> None:
        for call in asked.calls:
            self._metrics.forwarded[call.method, outcome] += 1


async def _first(reply: aiohttp.ClientResponse, is_batch: bool) -> bytes:
    """The first piece of a reply that looks like JSON-RPC by status, type and first letter.

    Raises NodeMalformed for any other, and NodeRefused where the node does not accept our credentials.
    """
    if reply.status in (401, 403):
        raise NodeRefused(reply.status, "it does not let us in")
    first = await reply.content.readany()
    while not first.strip() and len(first) <= LONGEST_BLANK and not reply.content.at_eof():
        first += await reply.content.readany()
    is_reply = reply.status == 200 or 400 <= reply.status < 600
    is_plain = "json" in reply.content_type and reply.headers.get("Content-Encoding", "identity") == "identity"
    if not (is_reply and is_plain and first.lstrip()[:1] in ((b"{", b"[") if is_batch else (b"{",))):
        raise NodeMalformed(f"HTTP {reply.status} {reply.content_type!r} and not JSON-RPC but {excerpt(first)}")
    return first


def _whole(first: bytes, status: int, asked: calls.Request) -> bytes:
    """A reply that came in one piece, and so can be checked to its end for the price of nothing."""
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except (ValueError, RecursionError):
        raise NodeMalformed(f"HTTP {status} and not JSON but {excerpt(first)}") from None
    return b"".join(asked.around(first))


async def _stream(
    request: web.Request, reply: aiohttp.ClientResponse, first: bytes, asked: calls.Request
) -> web.StreamResponse:
    """Give a long reply back as it comes. If it breaks off, so do we: half a reply must not look like a whole one."""
    opening, closing = asked.around(first)
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": JSON})
    response.content_length = reply.content_length if not asked.refusals else None
    await response.prepare(request)
    try:
        await response.write(opening)
        async for piece in reply.content.iter_any():
            await response.write(piece)
        await response.write_eof(closing)
    except (aiohttp.ClientError, OSError):
        if request.transport is not None:
            request.transport.abort()
    return response


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type=JSON)
