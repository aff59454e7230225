"""What the state machine simulates, so that hours pass in seconds: time, the chain, and when a stage looks.

The AWS API stays the real local one. Blocks come by the clock that ``cq``, the monitor and the services share.
"""

from __future__ import annotations

import hashlib
import threading
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from coinquery.local.controller.groups import tags
from coinquery.service.app import application
from coinquery.service.build import Build
from coinquery.service.settings import Limits, Settings
from tests.chaos.stage import SERVICE_PORT, Stage, serve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.local.controller.groups import Record

#: How many times shorter a wait is than it says; the clock moves on by all of it.
PACE = 40.0
#: The chain's first block is this much older than the clock.
FIRST_BLOCK = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
IDLE = 3.0
#: Passes that fail one after the other before it is told.
SUSPICIOUS = 5


class ShiftingClock:
    """The time of day and ``shift`` seconds; who sleeps on it moves it."""

    def __init__(self) -> None:
        self.shift = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time of day, shifted."""
        return datetime.now(UTC) + timedelta(seconds=self.shift)

    def sleep(self, seconds: float) -> None:
        """Wait a fraction; the rest passes at once."""
        time.sleep(seconds / PACE)
        self.move(seconds * (1 - 1 / PACE))

    def move(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.shift += seconds


@dataclass
class Chain:
    """A chain with a block each second of the clock. ``behind`` holds by how many seconds nodes lag, by address."""

    clock: ShiftingClock
    behind: dict[str, int] = field(default_factory=dict)
    is_down: bool = False

    def application(self) -> web.Application:
        """Public nodes at ``/``, an instance's own node at ``/at/<address>``."""
        app = web.Application()
        app.router.add_post("/", self._public)
        app.router.add_post("/at/{address}", self._own)
        return app

    async def _public(self, request: web.Request) -> web.Response:
        return web.Response(status=503) if self.is_down else await self._answer(request, 0)

    async def _own(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.behind.get(request.match_info["address"], 0))

    async def _answer(self, request: web.Request, behind: int) -> web.Response:
        asked = await request.json()
        result = self._result(asked["method"], asked["params"], int(self.clock.now().timestamp()) - behind)
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def _result(self, method: str, params: list[Any], now: int) -> Any:
        if method == "eth_getBlockByNumber":
            time_ = now if params[0] == "latest" else int(params[0], 16) + FIRST_BLOCK
            return _block(time_) if time_ <= now else None
        known = {"eth_chainId": "0x1", "eth_syncing": False, "net_peerCount": "0x8", "web3_clientVersion": "Sim/v1.0.0"}
        return known[method]


def _block(time_: int) -> dict[str, str]:
    number = time_ - FIRST_BLOCK
    return {
        "number": hex(number),
        "timestamp": hex(time_),
        "hash": "0x" + hashlib.sha256(str(number).encode()).hexdigest(),
    }


@dataclass
class Theatre(Stage):
    """A stage that looks when it is woken, whose services live by the shared clock before nodes of the chain.

    ``afresh`` holds the addresses whose service is started again at the next pass, ``harms`` is what can befall it.
    ``replaces_within`` is how soon another instance stands in for one that died.
    """

    clock: ShiftingClock = field(default_factory=ShiftingClock)
    afresh: set[str] = field(default_factory=set)
    passes: int = 0
    harms: tuple[str, ...] = ("dies", "mute", "behind", "wrong commit", "off", "failing", "busy", "references")
    replaces_within: timedelta = timedelta(0)
    _wake: threading.Event = field(default_factory=threading.Event)
    _nodes: list[web.AppRunner] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = Chain(self.clock)
        for url in (self.state.evm_network, self.state.evm_witness):
            host, _, port = url.removeprefix("http://").partition(":")
            self._nodes.append(self.background.run(serve(self.chain.application(), host, int(port))))
        super().__post_init__()

    def close(self) -> None:
        """End all of it."""
        self._wake.set()
        super().close()
        for runner in self._nodes:
            self.background.run(runner.cleanup())

    def wake(self) -> None:
        """Have it look at once."""
        self._wake.set()

    def settle(self) -> None:
        """Wait until it has looked twice: what it launched in the first pass serves after the second."""
        wanted = self.passes + 2
        deadline = time.monotonic() + 20
        while self.passes < wanted:
            assert time.monotonic() < deadline, "the stage stands still"
            self.wake()
            time.sleep(0.01)

    def answers_with(self, stack: str, commit: str | None) -> None:
        """From now on a stack's services tell that commit; None: the right one."""
        if commit is None:
            self.commits.pop(stack, None)
        else:
            self.commits[stack] = commit
        self.afresh |= set(self.stacks.get(stack, ()))

    def _loop(self) -> None:
        failed = 0
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._pass()
                failed = 0
            except Exception:  # a stack went away meanwhile: the next pass asks the API anew
                failed += 1
                if failed == SUSPICIOUS:
                    traceback.print_exc()
            self.passes += 1
            self._wake.wait(IDLE)

    def _serve(self, records: Iterable[Record]) -> None:
        for address in self.afresh & self._served.keys():
            self.background.run(self._served.pop(address).runner.cleanup())
        self.afresh.clear()
        super()._serve(records)

    async def _service(self, address: str, record: Record) -> web.AppRunner:
        told = tags(record)
        settings = Settings(
            coin=told["coinquery:coin"],
            dialect="evm",
            node=f"{self.state.evm_network}/at/{address}",
            chain="1",
            tolerance=30,
            release=told["coinquery:release"],
            stack=told["coinquery:stack"],
        )
        build = Build(self.commits.get(told["coinquery:stack"], told["coinquery:commit"]), "2026-11-24T05:00:00+00:00")
        app = await application(settings, Limits(fresh=0), build, self.clock)
        return await serve(app, address, SERVICE_PORT)

    def _publish(self, region: str, balancers: Iterable[Record]) -> None:
        """Metrics are the machine's, by its clock."""
