"""The routes of the service, and what stands behind each."""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from coinquery.clock import Clock, SystemClock
from coinquery.nodes import DIALECTS, Cookie, NodeError, NodeState, Rpc
from coinquery.service import utxo
from coinquery.service.allowlist import ALLOWED
from coinquery.service.build import Build, built_from
from coinquery.service.forward import JSON, Forwarder
from coinquery.service.info import info
from coinquery.service.instep import age, reasons_against
from coinquery.service.metrics import CONTENT_TYPE, Metrics
from coinquery.service.observed import Observed
from coinquery.service.settings import Limits, Settings

log = logging.getLogger("coinquery.service")

DEFAULT_LIMITS = Limits()


async def application(
    settings: Settings, limits: Limits = DEFAULT_LIMITS, build: Build | None = None, clock: Clock | None = None
) -> web.Application:
    """The service as an aiohttp application, which closes its connections to the node when it is cleaned up.

    ``build`` and ``clock`` are the program's own and the machine's where none is given.
    """
    cookie = Cookie(settings.cookie) if settings.cookie else None
    probing, forwarding = _session(limits), _session(limits)
    metrics = Metrics()
    service = Service(settings, Rpc(probing, settings.node, limits.probe, cookie), metrics, build, clock)
    forwarder = Forwarder(forwarding, settings.node, cookie, ALLOWED[settings.dialect], limits, metrics)

    async def close(_: web.Application) -> None:
        await probing.close()
        await forwarding.close()

    app = web.Application(client_max_size=limits.body)
    app.add_routes(service.routes())
    app.add_routes([web.post("/", forwarder.handle), web.post("/rpc", forwarder.handle)])
    app.on_response_prepare.append(service.prepare)
    app.on_cleanup.append(close)
    return app


def _session(limits: Limits) -> aiohttp.ClientSession:
    """Connections are kept for less time than nodes keep them (bitcoind: 30 s), or a call would meet a closed one."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limits.connections, keepalive_timeout=15),
        timeout=aiohttp.ClientTimeout(total=limits.total, connect=limits.silence, sock_read=limits.silence),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
    )


class Service:
    """What the service says of itself and of its node. A second's worth of requests asks the node once."""

    def __init__(
        self, settings: Settings, rpc: Rpc, metrics: Metrics, build: Build | None = None, clock: Clock | None = None
    ) -> None:
        dialect = DIALECTS[settings.dialect]
        self._settings = settings
        self._build = build or built_from()
        self._clock = clock or SystemClock()
        self._metrics = metrics
        self._state = Observed(lambda: dialect.observe(rpc))
        self._status = Observed(lambda: utxo.ask_status(rpc))
        self._was_in_step: bool | None = None

    def routes(self) -> list[web.RouteDef]:
        """The routes of every coin, and those that only UTXO coins have."""
        routes = [
            web.get("/info", self.info),
            web.get("/live", self.live),
            web.get("/health", self.health),
            web.get("/metrics", self.metrics),
        ]
        if self._settings.dialect == "bitcoin":
            routes += [web.get("/api/status", self.api_status), web.get("/api/sync", self.api_sync)]
        return routes

    async def info(self, _: web.Request) -> web.Response:
        """What runs here; 200 also where the node does not answer, since the commit is known all the same."""
        return _json(info(self._settings, self._build, await self._state.get()))

    async def live(self, _: web.Request) -> web.Response:
        """Whether this process answers. It does."""
        return web.Response(text="alive!")

    async def health(self, _: web.Request) -> web.Response:
        """Whether the node is in step, by its own knowledge: 200, or 503 and why not."""
        reasons = self._reasons(await self._state.get())
        if reasons:
            return _json({"healthy": False, "reasons": reasons}, 503)
        return web.Response(text="alive!")

    async def metrics(self, _: web.Request) -> web.Response:
        """The page for Prometheus."""
        state = await self._state.get()
        build = {"coin": self._settings.coin, "release": self._settings.release, "commit": self._build.commit}
        page = self._metrics.render(build, self._gauges(state))
        return web.Response(body=page.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def api_status(self, request: web.Request) -> web.Response:
        """``/api/status``, with ``q=getInfo`` (what is meant without ``q``) or ``q=getLastBlockHash``."""
        question = request.query.get("q", "getInfo")
        if question == "getLastBlockHash":
            state = await self._state.get()
            return _json(utxo.last_block_hash(state), 200 if state.head_hash else 503)
        if question != "getInfo":
            return _json({"error": "q is getInfo or getLastBlockHash"}, 400)
        try:
            return _json(await self._status.get())
        except NodeError as error:
            return _json({"error": f"the node gave no usable answer: {error}"}, 503)

    async def api_sync(self, _: web.Request) -> web.Response:
        """``/api/sync``."""
        state = await self._state.get()
        return _json(utxo.sync(state), 200 if state.error is None else 503)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Count each response, and give it the headers that all have."""
        resource = request.match_info.route.resource
        self._metrics.requests[resource.canonical if resource else "other", str(response.status)] += 1
        response.headers["Server"] = "coinquery"
        response.headers["Cache-Control"] = "no-store"

    def _reasons(self, state: NodeState) -> list[str]:
        reasons = reasons_against(state, self._settings, self._clock.now())
        is_in_step = not reasons
        if is_in_step != self._was_in_step:
            log.info("the node is in step" if is_in_step else "the node is not in step: %s", *reasons[:1])
            self._was_in_step = is_in_step
        return reasons

    def _gauges(self, state: NodeState) -> dict[str, tuple[str, float | None]]:
        return {
            "coinquery_node_up": ("Whether the node answers.", int(state.error is None)),
            "coinquery_in_step": ("Whether the node is in step by its own knowledge.", int(not self._reasons(state))),
            "coinquery_height": ("The node's best block.", state.height),
            "coinquery_head_age_seconds": ("The age of the node's best block.", age(state, self._clock.now())),
            "coinquery_peers": ("The node's peers.", state.peers),
        }


def _json(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), status=status, content_type=JSON)
