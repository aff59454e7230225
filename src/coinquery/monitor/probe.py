"""Look at one instance: who it says it is, and what its node says, through the service as clients reach it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from coinquery.monitor import web
from coinquery.monitor.configuration import Watched
from coinquery.monitor.head import Anchor
from coinquery.monitor.verdict import Failure, Seen
from coinquery.nodes import DIALECTS, NodeError, NodeMalformed, NodeState, Rpc
from coinquery.nodes.answers import attempt, known
from coinquery.nodes.rpc import excerpt
from coinquery.nodes.values import text

if TYPE_CHECKING:
    from aiohttp import ClientSession

SERVICE_PORT = 8080


class Probe:
    """Asks one instance. ``seconds`` bounds each question."""

    def __init__(self, session: ClientSession, address: str, coin: Watched, seconds: float) -> None:
        host = f"[{address}]" if ":" in address else address
        self._session = session
        self._url = f"http://{host}:{SERVICE_PORT}"
        self._dialect = DIALECTS[coin.dialect]
        self._rpc = Rpc(session, self._url + "/", seconds)
        self._seconds = seconds

    async def look(self) -> tuple[Seen, Failure | None]:
        """What the instance shows, and why it could not be seen in full. Never raises NodeError."""
        info, state, health = await asyncio.gather(
            attempt(self._info()), self._dialect.observe(self._rpc), attempt(self._health())
        )
        failure = info if isinstance(info, NodeError) else state.failure
        seen = _seen(known(info) or _Info(), state, known(health))
        return seen, None if failure is None else _explain(failure)

    async def hash_at(self, anchor: Anchor) -> str | None:
        """The hash of the node's block at the anchor; None where it has none or does not say."""
        return known(await attempt(self._dialect.block_hash(self._rpc, anchor.height)))

    async def _info(self) -> _Info:
        return (await web.get_json(self._session, self._url + "/info", self._seconds, _InfoReply)).result

    async def _health(self) -> str:
        """What ``/health`` says, in one line. It is kept for the reader and judged by nobody."""
        status, body = await web.get(self._session, self._url + "/health", self._seconds)
        return f"{status} {excerpt(body)}"


class _Info(msgspec.Struct, rename={"commit": "commitHash", "version": "ClientVersion"}):
    commit: str | None = None
    release: str | None = None
    client: str | None = None
    version: str | None = None


class _InfoReply(msgspec.Struct):
    result: _Info


def _seen(info: _Info, state: NodeState, health: str | None) -> Seen:
    return Seen(
        release=text(info.release),
        commit=text(info.commit),
        client=state.client or text(" ".join(filter(None, (info.client, info.version)))),
        chain=state.chain,
        height=state.height,
        block_time=state.head_time,
        syncing=state.syncing,
        health=health,
    )


def _explain(error: NodeError) -> Failure:
    return Failure("malformed" if isinstance(error, NodeMalformed) else "unreachable", str(error))
