"""HTTP as the monitor speaks it: to anyone, trusting nobody, never for long and never without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from coinquery.nodes.errors import NodeMalformed
from coinquery.nodes.rpc import excerpt, explained

if TYPE_CHECKING:
    from aiohttp import ClientSession

#: The longest answer to a GET that is read, in bytes.
LONGEST = 2**20
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

T = TypeVar("T")


def open_session() -> ClientSession:
    """A session for one sweep: a connection for each request, no proxies or passwords from the environment."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())


async def get(session: ClientSession, url: str, seconds: float) -> tuple[int, bytes]:
    """Status and body of a GET, within ``seconds`` from first to last byte; redirects are not followed.

    Raises NodeUnreachable or NodeMalformed.
    """
    from aiohttp import ClientTimeout

    with explained(seconds):
        async with session.get(
            url,
            headers=_HEADERS,
            timeout=ClientTimeout(total=seconds),
            allow_redirects=False,
            auto_decompress=False,
        ) as reply:
            body = bytearray()
            async for piece in reply.content.iter_any():
                body += piece
                if len(body) > LONGEST:
                    raise NodeMalformed(f"the reply is longer than {LONGEST} bytes")
            return reply.status, bytes(body)


async def get_json(session: ClientSession, url: str, seconds: float, kind: type[T]) -> T:
    """The JSON answer of a GET, checked against ``kind``. Raises NodeUnreachable or NodeMalformed."""
    status, body = await get(session, url, seconds)
    if status != 200:
        raise NodeMalformed(f"HTTP {status}: {excerpt(body)}")
    return parse(body, kind)


def parse(body: bytes, kind: type[T]) -> T:
    """JSON checked against ``kind``; raise NodeMalformed if it is anything else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise NodeMalformed(f"not what was asked for ({error}) but {excerpt(body)}") from None
