"""A production to monitor: a region of its own in the local AWS, stacks and instances in it, and real services."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from aiohttp import web

from coinquery.aws import Aws
from coinquery.clock import Clock, SystemClock
from coinquery.coins import Reference
from coinquery.local.state import State
from coinquery.monitor.configuration import LOG_GROUP, Configuration, Watched
from coinquery.monitor.invoke import Summary
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.records import Record
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch
from coinquery.service.app import application
from coinquery.service.build import Build
from coinquery.service.settings import Limits as ServiceLimits
from coinquery.service.settings import Settings
from tests.real_nodes import RealNode, anvil

COMMIT = "0123456789abcdef0123456789abcdef01234567"
POLICY = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}
LIMITS = Limits(sweep=20, reserve=5, question=5)

_regions = count(1)
_hosts = count(1)
T = TypeVar("T")


def coin(*references: str, tolerance: int = 30, grace: int = 0, **changes: Any) -> Watched:
    """An eth whose references are JSON-RPC endpoints; one block a second."""
    return Watched(
        dialect="evm",
        chain="1",
        block_time=1,
        tolerance=tolerance,
        tolerance_blocks=10,
        grace=grace,
        references=tuple(Reference(shape="evm", url=url, budget=10**6) for url in references),
        **changes,
    )


@dataclass
class Chain:
    """A chain that mines when told, and a second node of it, so that two can vouch for its head."""

    network: RealNode
    mirror: RealNode

    @property
    def references(self) -> tuple[str, str]:
        """The addresses of both."""
        return self.network.url, self.mirror.url

    @property
    def height(self) -> int:
        """The best block."""
        return int(self.network.ask("eth_blockNumber"), 16)

    def hash_at(self, height: int) -> str:
        """The hash of its block at a height."""
        return str(self.network.ask("eth_getBlockByNumber", hex(height), False)["hash"])

    @contextmanager
    def replica(self) -> Iterator[RealNode]:
        """Another node of the chain, which stays where it is until it is told to follow."""
        with anvil("-f", self.network.url, "--no-mining") as node:
            yield node

    def mine(self, blocks: int) -> None:
        """Make blocks, which both have."""
        self.network.ask("anvil_mine", hex(blocks), "0x0")
        self.follow(self.mirror)

    def follow(self, replica: RealNode) -> None:
        """Bring a node that replicates the chain to its best block."""
        replica.ask("anvil_reset", {"forking": {"jsonRpcUrl": self.network.url}})


@contextmanager
def chain(blocks: int = 20) -> Iterator[Chain]:
    """A chain of so many blocks."""
    with anvil() as network:
        network.ask("anvil_mine", hex(blocks), "0x0")
        with anvil("-f", network.url, "--no-mining") as mirror:
            yield Chain(network, mirror)


@dataclass
class Production:
    """One region's production. ``eth`` is how its instances are judged."""

    aws: Aws
    state: State
    eth: Watched = field(default_factory=coin)
    region: str = field(default_factory=lambda: f"eu-monitor-{next(_regions)}")

    def __post_init__(self) -> None:
        self.aws.logs(self.region).create_log_group(logGroupName=LOG_GROUP)

    def address(self) -> str:
        """An address that nobody has yet."""
        return self.state.address(190, next(_hosts))

    def stack(self, name: str, *, protected: bool = True, policy: bool = True, balancer: str = "") -> str:
        """A stack that holds next to nothing, protected as production stacks are; ``balancer`` is its host name."""
        body: dict[str, Any] = {
            "Resources": {"Nothing": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}
        }
        if balancer:
            body["Outputs"] = {"LoadBalancerDnsName": {"Value": balancer}}
        extra: dict[str, Any] = {"StackPolicyBody": json.dumps(POLICY)} if policy else {}
        self.aws.cloudformation(self.region).create_stack(
            StackName=name, TemplateBody=json.dumps(body), EnableTerminationProtection=protected, **extra
        )
        return name

    def instance(self, name: str, address: str, stack: str | None = None, commit: str = COMMIT) -> str:
        """An instance with the tags that a stack's launch template gives; return its id."""
        tags = {
            "Name": name,
            "coinquery:stack": stack or name,
            "coinquery:commit": commit,
            "coinquery:release": "v1.2.0",
        }
        made = self.aws.ec2(self.region).run_instances(
            ImageId="ami-12345678",
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            PrivateIpAddress=address,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )
        return made["Instances"][0]["InstanceId"]

    def watch(self, limits: Limits = LIMITS, **changes: Any) -> Watch:
        """The monitor of the region."""
        configuration = Configuration(coins={"eth": self.eth})
        standard = {"aws": self.aws, "clock": SystemClock(), "by": "monitor", "configuration": configuration}
        return Watch(region=self.region, limits=limits, **{**standard, **changes})

    def sweep(self, limits: Limits = LIMITS) -> Summary:
        """One sweep of the region."""
        return self.watch(limits).once()

    def records(self, stack: str) -> list[Record]:
        """What the log holds of a stack."""
        return RecordLog(self.aws.logs(self.region)).read(stack, datetime.now(UTC) - timedelta(hours=1))

    def verdict(self, stack: str) -> Record:
        """Sweep, and return the newest record of a stack with one instance."""
        summary = self.sweep()
        newest = self.records(stack)[-1]
        assert newest.sweep == summary.sweep
        return newest


class Minutes(SystemClock):
    """A clock on which each sweep begins a minute after the one before."""

    def __init__(self) -> None:
        self.gone = 0

    def now(self) -> datetime:
        """The time of day, and the minutes that are gone."""
        return super().now() + timedelta(minutes=self.gone)


class Background:
    """An event loop in a thread, for servers that stand beside the code under test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, steps: Coroutine[Any, Any, T]) -> T:
        """Run something there and wait for it."""
        return asyncio.run_coroutine_threadsafe(steps, self._loop).result(30)

    @contextmanager
    def within(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
        """Hold an asynchronous context open there."""
        context = make()
        value = self.run(context.__aenter__())
        try:
            yield value
        finally:
            self.run(context.__aexit__(None, None, None))

    def close(self) -> None:
        """Stop the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


@contextmanager
def service(
    background: Background,
    address: str,
    node: str,
    commit: str | None = COMMIT,
    clock: Clock | None = None,
    **settings: Any,
) -> Iterator[None]:
    """The real service at an instance's address, in front of a node."""
    chosen = Settings(**{"coin": "eth", "dialect": "evm", "node": node, "chain": "1", "tolerance": 30, **settings})

    async def start() -> web.AppRunner:
        build = Build(commit, "2026-11-24T05:00:00+00:00")
        runner = web.AppRunner(
            await application(chosen, ServiceLimits(fresh=0), build, clock), access_log=None, shutdown_timeout=1
        )
        await runner.setup()
        await web.TCPSite(runner, address, 8080).start()
        return runner

    runner = background.run(start())
    try:
        yield
    finally:
        background.run(runner.cleanup())


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@contextmanager
def server(background: Background, address: str, behave: Behaviour) -> Iterator[list[str]]:
    """A server at an instance's address that does with each connection what a test wants; gives who connected."""
    connected: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(str(writer.get_extra_info("peername")))
        task = asyncio.ensure_future(behave(reader, writer))
        tasks.add(task)
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        writer.close()

    async def stop(running: asyncio.Server) -> None:
        running.close()
        for task in tasks:
            task.cancel()

    running = background.run(asyncio.start_server(serve, address, 8080))
    try:
        yield connected
    finally:
        background.run(stop(running))


def explorer(height: int, block_hash: str) -> Behaviour:
    """A reference of shape ``status`` that says this of its best block and of any other."""
    return says(json.dumps({"info": {"blocks": height}, "blockHash": block_hash}).encode())


def says(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> Behaviour:
    """The same HTTP answer to everything."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body)
        await writer.drain()

    return behave
