"""The AWS endpoint of a local world: ministack behind the table of rules, with a log of every call.

What ministack accepts and AWS refuses is refused here; everything else passes unchanged. Metrics in log lines, which
ministack does not know, are put beside them. A mark beside the log tells the controller when machines may have changed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path

from aiohttp import ClientError, ClientSession, web

from coinquery.aws import Aws
from coinquery.local import embedded_metrics, passing, ports, rules
from coinquery.local.calls import Answer, Call

logger = logging.getLogger(__name__)

#: The services whose resources the controller makes run, and how the operations that only look begin.
OF_MACHINES = ("autoscaling", "cloudformation", "ec2", "ecs", "elbv2")
LOOKS = ("Describe", "Get", "List", "Validate")


class Gateway:
    """Takes calls at one address, hands them through the rules to ``upstream``, notes each in ``log``."""

    def __init__(self, upstream: str, log: Path, session: ClientSession) -> None:
        self._upstream = upstream
        self._log = log.open("a", encoding="utf-8", buffering=1)
        self._log_file = log
        self._session = session
        self._aws = Aws()
        self._rules = rules.Rules(self._aws, self._let_through)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        began = time.time()
        call = await passing.received(request)
        answer = await self._rules.answer(call)
        if call.service != "?":
            self._note(call, answer, began)
        if call.service in OF_MACHINES and not call.operation.startswith(LOOKS):
            changed(self._log_file, call.region).touch()
        return passing.response(request, answer)

    async def forward(self, call: Call) -> Answer:
        """Let ministack answer; its silence is AWS's 503."""
        try:
            return await passing.forward(self._session, self._upstream, call)
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


def changed(log: Path, region: str) -> Path:
    """The file whose time of change says when a call last asked for a change of machines in that region."""
    return log.with_name(f"changed-{region}")


async def application(upstream: str, log: Path) -> web.Application:
    """The gateway as an aiohttp application."""
    session = passing.session(900)
    app = web.Application(client_max_size=passing.LARGEST_BODY)
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
