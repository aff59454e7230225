"""The service under test, in front of a node, on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from coinquery.service.app import application
from coinquery.service.build import Build
from coinquery.service.settings import Limits, Settings

SETTINGS = Settings(
    coin="eth", dialect="evm", node="", chain="1", tolerance=60, release="v1.0.0", stack="cq-eth-0001-prod"
)
LIMITS = Limits(body=4096, batch=5, silence=2.0, total=6.0, probe=2.0)
BUILD = Build("0123456789abcdef0123456789abcdef01234567", "2026-11-24T05:00:00+00:00")


class FixedClock:
    """A time of day that stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time of day."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""
        raise AssertionError(seconds)


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        """The body as JSON, read strictly."""
        import msgspec

        return msgspec.json.decode(self.body)


class Client:
    """Asks one running service."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str) -> Answer:
        """GET a path."""
        return await self._read(self.session.get(self.url + path))

    async def post(self, body: bytes | str, path: str = "/", **headers: str) -> Answer:
        """POST a body."""
        return await self._read(self.session.post(self.url + path, data=body, headers=headers))

    async def _read(self, asked: Any) -> Answer:
        async with asked as reply:
            return Answer(reply.status, await reply.read(), dict(reply.headers))


@asynccontextmanager
async def service(
    node: str, limits: Limits = LIMITS, now: datetime | None = None, **changes: Any
) -> AsyncIterator[Client]:
    """The service with the settings' ``changes``; ``now`` stops its clock."""
    settings = replace(SETTINGS, node=node, **changes)
    clock = FixedClock(now) if now else None
    runner = web.AppRunner(
        await application(settings, limits, BUILD, clock),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=1,
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        try:
            yield Client(session, f"http://{host}:{port}")
        finally:
            await runner.cleanup()


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def run(steps: Coroutine[Any, Any, None]) -> None:
    """Run a test's steps on uvloop, as the service runs."""
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(steps)
