"""The AWS endpoint of a local world: ministack behind the table of rules, with a log of every call.

What ministack accepts and AWS refuses is refused here; everything else passes unchanged. Metrics in log lines, which
ministack does not know, are put beside them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict

from coinquery.aws import Aws
from coinquery.local import embedded_metrics, ports, rules
from coinquery.local.calls import Answer, Call

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024 * 1024
#: Headers that belong to one connection, or that aiohttp writes itself.
_HOP_BY_HOP = ("Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Expect", "Date", "Server")
_DECODED = ("gzip", "deflate", "br", "zstd")


class Gateway:
    """Takes calls at one address, hands them through the rules to ``upstream``, notes each in ``log``."""

    def __init__(self, upstream: str, log: Path, session: ClientSession) -> None:
        self._upstream = upstream
        self._log = log.open("a", encoding="utf-8", buffering=1)
        self._session = session
        self._aws = Aws()
        self._rules = rules.Rules(self._aws, self._let_through)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        began = time.time()
        call = Call(request.method, request.raw_path, _passed_on(request.headers), await request.read())
        answer = await self._rules.answer(call)
        if call.service != "?":
            self._note(call, answer, began)
        headers = _passed_on(answer.headers)
        if request.method == "HEAD" and "Content-Length" in answer.headers:
            headers["Content-Length"] = answer.headers["Content-Length"]
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def forward(self, call: Call) -> Answer:
        """Let ministack answer; its silence is AWS's 503."""
        from yarl import URL

        url = URL(self._upstream + call.target, encoded=True)
        try:
            async with self._session.request(
                call.method, url, headers=call.headers, data=call.body, allow_redirects=False
            ) as response:
                return Answer(response.status, await response.read(), response.headers)
        except (ClientError, TimeoutError) as error:
            return call.refuse("ServiceUnavailable", f"the local AWS API does not answer: {error}", 503)

    async def _let_through(self, call: Call) -> Answer:
        answer = await self.forward(call)
        if (call.service, call.operation, answer.status) == ("logs", "PutLogEvents", 200):
            try:
                await asyncio.to_thread(embedded_metrics.publish, self._aws.cloudwatch(call.region), call)
            except Exception:  # the lines are written all the same
                logger.exception("metrics of log lines in %s", call.region)
        return answer

    def _note(self, call: Call, answer: Answer, began: float) -> None:
        entry = {
            "time": round(began, 3),
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "access_key": call.access_key,
            "status": answer.status,
            "seconds": round(time.time() - began, 4),
        }
        self._log.write(json.dumps(entry) + "\n")


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        passed.popall(name, None)
    if passed.get("Content-Encoding") in _DECODED:
        del passed["Content-Encoding"]
    return passed


async def application(upstream: str, log: Path) -> web.Application:
    """The gateway as an aiohttp application."""
    session = ClientSession(
        connector=TCPConnector(limit=0), timeout=ClientTimeout(total=900), cookie_jar=DummyCookieJar(), trust_env=False
    )
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", Gateway(upstream, log, session).handle)

    async def close(_: web.Application) -> None:
        await session.close()

    app.on_cleanup.append(close)
    return app


def main() -> None:
    """Serve at the address given, in front of the endpoint given, noting calls in the file given."""
    address, upstream, log = sys.argv[1:]
    host, port = ports.split(address)
    web.run_app(application(upstream, Path(log)), host=host, port=port, print=None, access_log=None)


if __name__ == "__main__":
    main()
