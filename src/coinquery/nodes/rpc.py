"""A plain JSON-RPC client: one call gives one bounded result or one NodeError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import strerror
from typing import TYPE_CHECKING, Any

import msgspec

from coinquery.nodes.errors import UNAVAILABLE, NodeMalformed, NodeRefused, NodeUnreachable
from coinquery.nodes.values import text

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

    from coinquery.nodes.cookie import Cookie

#: The longest reply that is read, in bytes. A block of 2,000 transactions has about 150 kB.
LONGEST_REPLY = 4 * 2**20
#: A proxy on the way would be told nothing new, and a compressed reply could unfold to any size.
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Rpc:
    """JSON-RPC over HTTP to one node. ``seconds`` bounds each call from first to last byte.

    The session is the caller's, who closes it; its connections are its own affair.
    """

    def __init__(self, session: ClientSession, url: str, seconds: float = 5.0, cookie: Cookie | None = None) -> None:
        self._session = session
        self._url = url
        self._seconds = seconds
        self._cookie = cookie
        self._ids = count(1)

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call, which may be None.

        Raises NodeUnreachable, NodeMalformed or NodeRefused.
        """
        number = next(self._ids)
        call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        status, body = await self._post(msgspec.json.encode(call))
        return _result(status, body, number)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        from aiohttp import ClientTimeout

        with explained(self._seconds):
            async with self._session.post(
                self._url,
                data=body,
                headers=headers(self._cookie),
                timeout=ClientTimeout(total=self._seconds),
                allow_redirects=False,
                auto_decompress=False,
            ) as reply:
                return reply.status, await _read(reply)


def headers(cookie: Cookie | None) -> dict[str, str]:
    """The headers of a JSON-RPC request. Raises NodeUnreachable where the cookie can't be read."""
    return HEADERS if cookie is None else {**HEADERS, "Authorization": cookie.header()}


@contextmanager
def explained(seconds: float) -> Iterator[None]:
    """Turn what aiohttp raises into NodeUnreachable or NodeMalformed, without addresses; ``seconds`` is the limit."""
    import aiohttp

    try:
        yield
    except TimeoutError:
        raise NodeUnreachable(f"no answer within {seconds:g} s") from None
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0
        raise NodeUnreachable(strerror(number) if number > 0 else "no such host") from None
    except aiohttp.ClientResponseError as error:
        raise NodeMalformed(f"not HTTP: {type(error).__name__}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NodeUnreachable(f"the connection broke: {type(error).__name__}") from None


def excerpt(body: bytes) -> str:
    """The beginning of a reply, fit to be shown in one line."""
    shown = text(" ".join(body[:100].decode("ascii", "replace").split()))
    return repr(shown) if shown else "nothing"


async def _read(reply: ClientResponse) -> bytes:
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) > LONGEST_REPLY:
            raise NodeMalformed(f"the reply is longer than {LONGEST_REPLY} bytes")
    return bytes(body)


class _Reply(msgspec.Struct):
    id: Any = None
    result: Any = msgspec.UNSET
    error: Any = None


def _result(status: int, body: bytes, number: int) -> Any:
    """The result in a reply. A refusal comes with many an HTTP status, so the body is looked at first."""
    if status in (401, 403):
        raise NodeRefused(status, "it does not let us in")
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (ValueError, RecursionError):
        raise NodeMalformed(f"HTTP {status} and not a JSON-RPC reply but {excerpt(body)}") from None
    if reply.error is not None:
        raise _refusal(reply.error)
    if reply.id != number or reply.result is msgspec.UNSET:
        raise NodeMalformed(f"HTTP {status} and a reply that answers another call or none")
    return reply.result


def _refusal(error: Any) -> NodeUnreachable | NodeRefused | NodeMalformed:
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        return NodeMalformed("an error that is not a JSON-RPC error")
    message = text(error.get("message")) or "no reason given"
    return NodeUnreachable(message) if error["code"] == UNAVAILABLE else NodeRefused(error["code"], message)
