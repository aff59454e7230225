"""A proxy between one process and the AWS endpoint: it notes every call and, below boto3, does to it what AWS may do.

Each process under test gets a proxy of its own, so that what happens to a call happens to that process alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import ClientError, web

from coinquery.local import passing
from coinquery.local.calls import Answer, Call
from tests.monitored import Background

#: How the names of operations begin that change nothing.
LOOKS = ("Describe", "Get", "List", "Head", "BatchGet", "Lookup", "Test", "Filter", "Validate", "Simulate")

Forward = Callable[[Call], Awaitable[Answer]]


class Lost(Exception):
    """The connection breaks and no answer reaches the caller."""


class Intervention(Protocol):
    """Stands between the caller and AWS: may answer itself, delay, change the answer, or raise Lost."""

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        """The answer that the caller gets."""
        ...


@dataclass
class Made:
    """One call that was made."""

    service: str
    operation: str
    region: str
    subject: str

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} {self.subject}".strip()


@dataclass
class Proxy:
    """``url`` is the endpoint to hand to the process; ``interventions`` stand in line, the first nearest to it."""

    url: str
    interventions: list[Intervention] = field(default_factory=list)
    calls: list[Made] = field(default_factory=list)

    async def answer(self, call: Call, upstream: Forward) -> Answer:
        """Note the call and answer it."""
        self.calls.append(Made(call.service, call.operation, call.region, subject(call)))
        forward = upstream
        for intervention in reversed(self.interventions):
            forward = _bound(intervention, forward)
        return await forward(call)


def subject(call: Call) -> str:
    """What a call is about, as far as that tells calls of one operation apart: a name or path, in short."""
    parameters = call.parameters
    for key in ("Name", "StackName", "logStreamName", "LoadBalancerArn", "SecretId"):
        if key in parameters:
            return str(parameters[key])
    names = parameters.get("Names")
    if isinstance(names, list):
        return " ".join(map(str, names))
    return call.target.partition("?")[0] if call.service in ("route53", "lambda", "s3") else ""


@contextmanager
def between(background: Background, address: str, upstream: str, *interventions: Intervention) -> Iterator[Proxy]:
    """A proxy at a free port of ``address`` in front of ``upstream``, for as long as the block runs."""
    proxy = Proxy("", list(interventions))
    runner = background.run(_serve(proxy, address, upstream))
    try:
        yield proxy
    finally:
        background.run(runner.cleanup())


async def _serve(proxy: Proxy, address: str, upstream: str) -> web.AppRunner:
    session = passing.session(300)

    async def handle(request: web.Request) -> web.StreamResponse:
        call = await passing.received(request)
        try:
            answer = await proxy.answer(call, lambda sent: passing.forward(session, upstream, sent))
        except (Lost, ClientError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)  # which nobody gets any more
        return passing.response(request, answer)

    async def close(_: web.Application) -> None:
        await session.close()

    app = web.Application(client_max_size=passing.LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_cleanup.append(close)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    proxy.url = f"http://{address}:{runner.addresses[0][1]}"
    return runner


def _bound(intervention: Intervention, forward: Forward) -> Forward:
    async def answer(call: Call) -> Answer:
        return await intervention(call, forward)

    return answer
