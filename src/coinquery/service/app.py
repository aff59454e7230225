"""The routes of the service, and what stands behind each."""

from __future__ import annotations

import logging
from datetime import timedelta

import aiohttp
from aiohttp import web

from coinquery.clock import Clock, SystemClock
from coinquery.nodes import DIALECTS, Cookie, NodeState, Rpc
from coinquery.service import utxo
from coinquery.service.allowlist import ALLOWED
from coinquery.service.anchors import Anchors
from coinquery.service.api import Api
from coinquery.service.build import Build, built_from
from coinquery.service.forward import Forwarder
from coinquery.service.info import Facts, info
from coinquery.service.instep import age, reasons_against
from coinquery.service.metrics import CONTENT_TYPE, Metrics
from coinquery.service.observed import Observed
from coinquery.service.replies import document
from coinquery.service.settings import Limits, Settings
from coinquery.service.volume import Volume

log = logging.getLogger("coinquery.service")

DEFAULT_LIMITS = Limits()


async def application(
    settings: Settings, limits: Limits = DEFAULT_LIMITS, build: Build | None = None, clock: Clock | None = None
) -> web.Application:
    """The service as an aiohttp application, which closes its connections to the node when it is cleaned up.

    ``build`` and ``clock`` are the program's own and the machine's where none is given.
    """
    dialect, clock = DIALECTS[settings.dialect], clock or SystemClock()
    cookie = Cookie(settings.cookie) if settings.cookie else None
    probing, forwarding = _session(limits), _session(limits)
    probe, forward = (Rpc(session, settings.node, limits.probe, cookie) for session in (probing, forwarding))
    quick = Rpc(probing, settings.node, limits.anchor, cookie)
    metrics, state = Metrics(), Observed(lambda: dialect.observe(probe), limits.fresh)
    anchors = Anchors(lambda height: dialect.block_hash(quick, height))
    volume = Volume(settings.data, clock, timedelta(seconds=limits.remembered)) if settings.data else None
    service = Service(settings, build or built_from(), clock, metrics, state, anchors, volume)
    forwarder = Forwarder(forwarding, settings.node, cookie, ALLOWED[settings.dialect], limits, metrics)

    async def close(_: web.Application) -> None:
        await probing.close()
        await forwarding.close()

    app = web.Application(client_max_size=limits.body)
    app.add_routes(service.routes())
    app.add_routes([web.post("/", forwarder.handle), web.post("/rpc", forwarder.handle)])
    if settings.dialect == "bitcoin":
        app.add_routes(Api(state, Observed(lambda: utxo.ask_status(probe), limits.fresh), forward).routes())
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
        self,
        settings: Settings,
        build: Build,
        clock: Clock,
        metrics: Metrics,
        state: Observed[NodeState],
        anchors: Anchors,
        volume: Volume | None,
    ) -> None:
        self._settings = settings
        self._build = build
        self._clock = clock
        self._metrics = metrics
        self._state = state
        self._anchors = anchors
        self._volume = volume
        self._was_in_step: bool | None = None

    def routes(self) -> list[web.RouteDef]:
        """The routes of every coin."""
        return [
            web.get("/info", self.info),
            web.get("/live", self.live),
            web.get("/health", self.health),
            web.get("/metrics", self.metrics),
        ]

    async def info(self, _: web.Request) -> web.Response:
        """What runs here; 200 also where the node does not answer, since the commit is known all the same."""
        state = await self._state.get()
        reasons = self._reasons(state)
        facts = Facts(
            state=state,
            anchors=await self._anchors.of(state),
            volume=self._measure(is_in_step=not reasons),
            reasons=reasons,
        )
        return document(info(self._settings, self._build, facts))

    async def live(self, _: web.Request) -> web.Response:
        """Whether this process answers. It does."""
        return web.Response(text="alive!")

    async def health(self, _: web.Request) -> web.Response:
        """Whether the node is in step, by its own knowledge: 200, or 503 and why not."""
        reasons = self._reasons(await self._state.get())
        if reasons:
            return document({"healthy": False, "reasons": reasons}, 503)
        return web.Response(text="alive!")

    async def metrics(self, _: web.Request) -> web.Response:
        """The page for Prometheus."""
        state = await self._state.get()
        build = {"coin": self._settings.coin, "release": self._settings.release, "commit": self._build.commit}
        page = self._metrics.render(build, self._gauges(state))
        return web.Response(body=page.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Count each response, and give it the headers that all have."""
        resource = request.match_info.route.resource
        self._metrics.requests[resource.canonical if resource else "other", str(response.status)] += 1
        response.headers["Server"] = "coinquery"
        response.headers["Cache-Control"] = "no-store"

    def _measure(self, *, is_in_step: bool) -> dict[str, int | None] | None:
        if self._volume is None:
            return None
        if not is_in_step:
            self._volume.forget()
        return self._volume.measure()

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
