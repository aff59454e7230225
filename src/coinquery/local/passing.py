"""Pass calls of the AWS API on over HTTP, and answers back, as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from coinquery.local.calls import Answer, Call

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 256 * 1024 * 1024
#: Headers that belong to one connection, or that aiohttp writes itself.
_HOP_BY_HOP = ("Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Expect", "Date", "Server")
_DECODED = ("gzip", "deflate", "br", "zstd")


def session(seconds: float) -> ClientSession:
    """Connections to who answers; a call may take so long."""
    return ClientSession(
        connector=TCPConnector(limit=0),
        timeout=ClientTimeout(total=seconds),
        cookie_jar=DummyCookieJar(),
        trust_env=False,
    )


async def received(request: web.Request) -> Call:
    """The call that a request is."""
    return Call(request.method, request.raw_path, _passed_on(request.headers), await request.read())


async def forward(session: ClientSession, upstream: str, call: Call) -> Answer:
    """The answer of the endpoint ``upstream``. Raises what aiohttp raises."""
    url = URL(upstream + call.target, encoded=True)
    async with session.request(
        call.method, url, headers=call.headers, data=call.body, allow_redirects=False
    ) as response:
        return Answer(response.status, await response.read(), response.headers)


def response(request: web.Request, answer: Answer) -> web.Response:
    """The answer as the caller gets it."""
    headers = _passed_on(answer.headers)
    if request.method == "HEAD" and "Content-Length" in answer.headers:
        headers["Content-Length"] = answer.headers["Content-Length"]
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        passed.popall(name, None)
    if passed.get("Content-Encoding") in _DECODED:
        del passed["Content-Encoding"]
    return passed
