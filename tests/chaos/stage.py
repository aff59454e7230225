"""The controller's part without processes: instance records, services and load balancers of a world, in this process.

The AWS API, the rules in front of it, the name server, Slack's endpoint and the chain's nodes are the real local ones.
Each instance is the real service at the instance's own address, before the one node that all of them share; each load
balancer is an HTTPS server that hands ``GET`` to an instance that is in step. So a stack costs no process, and stands
within a tenth of a second.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from coinquery.aws import Aws, pages
from coinquery.local import certificates, environment
from coinquery.local import world as local_world
from coinquery.local.controller import balancer, groups
from coinquery.local.controller.balancer import Addresses
from coinquery.local.controller.groups import Record, tags
from coinquery.local.controller.memory import Memory
from coinquery.local.furnish import furnish
from coinquery.local.state import HTTPS_PORT, State
from coinquery.local.supervisor import Supervisor
from coinquery.service.app import application
from coinquery.service.build import Build
from coinquery.service.settings import Limits, Settings
from tests.monitored import Background
from tests.worlds import World, child_environment, free_state

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef

PAUSE, METRICS = 0.2, 1.0
#: How long readings are good here at most, in seconds: what hands do goes past the gateway.
BEHIND = 2.0
SERVICE_PORT = 8080


@dataclass
class Served:
    """An instance's service, as it runs."""

    record: Record
    runner: web.AppRunner


@dataclass
class Stage:
    """Keeps a world's instances and load balancers as the API says, in a thread.

    ``mute`` holds the addresses at which nobody answers, ``commits`` the commits that services tell in place of their
    stack's, by stack name.
    """

    state: State
    regions: tuple[str, ...]
    background: Background
    mute: set[str] = field(default_factory=set)
    commits: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    _served: dict[str, Served] = field(default_factory=dict)
    _balancers: dict[str, web.AppRunner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._aws = _clients(self.state.ministack, self.regions)
        self._addresses = Addresses(self.state)
        self._memories = [Memory(self.state.calls, region, BEHIND) for region in self.regions]
        self._stop = threading.Event()
        self._session = self.background.run(_session())
        self._said = time.monotonic()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all of it."""
        self._stop.set()
        self._thread.join(30)
        for runner in [*self._balancers.values(), *(served.runner for served in self._served.values())]:
            self.background.run(runner.cleanup())
        self.background.run(self._session.close())

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self._pass()
            except Exception:  # the next pass may do better: the API is asked anew
                if not self._stop.is_set():
                    traceback.print_exc()
            self._stop.wait(PAUSE)

    def _pass(self) -> None:
        for memory in self._memories:
            memory.refresh()
        found = {region: groups.records(self._aws, region) for region in self.regions}
        taken = {record["PrivateIpAddress"] for records in found.values() for record in records}
        kept = {i.id for r in self.regions for i in groups.reconcile(self._aws, r, self.state, found[r], taken)}
        records = [i for r in self.regions for i in groups.records(self._aws, r) if i["InstanceId"] in kept]
        self._serve(records)
        self.stacks = _by_stack(records)
        present = {region: balancer.records(self._aws, region) for region in self.regions}
        self._balance({lb["DNSName"].lower(): lb["LoadBalancerName"] for of in present.values() for lb in of})
        if time.monotonic() - self._said > METRICS:
            self._said = time.monotonic()
            for region, balancers in present.items():
                self._publish(region, balancers)

    def _serve(self, records: Iterable[Record]) -> None:
        wanted = {record["PrivateIpAddress"]: record for record in records}
        wanted = {address: record for address, record in wanted.items() if address not in self.mute}
        for address in [a for a in self._served if a not in wanted]:
            self.background.run(self._served.pop(address).runner.cleanup())
        for address, record in wanted.items():
            if address not in self._served:
                runner = self.background.run(self._service(address, record))
                self._served[address] = Served(record, runner)

    async def _service(self, address: str, record: Record) -> web.AppRunner:
        """The real service; what its command would tell it is taken from the instance's tags."""
        told = tags(record)
        stack = told["coinquery:stack"]
        settings = Settings(
            coin=told["coinquery:coin"],
            dialect="evm",
            node=self.state.evm_network,
            chain="1",
            tolerance=30,
            release=told["coinquery:release"],
            stack=stack,
        )
        build = Build(self.commits.get(stack, told["coinquery:commit"]), "2026-11-24T05:00:00+00:00")
        return await serve(await application(settings, Limits(), build), address, SERVICE_PORT)

    def _balance(self, present: Mapping[str, str]) -> None:
        for dns_name in [name for name in self._balancers if name not in present]:
            self.background.run(self._balancers.pop(dns_name).cleanup())
        for dns_name, name in present.items():
            if dns_name not in self._balancers:
                stack = name.removesuffix("-int")
                address = self._addresses.of(dns_name)
                self._balancers[dns_name] = self.background.run(self._balancer(address, stack))
        self._addresses.keep(present)

    async def _balancer(self, address: str, stack: str) -> web.AppRunner:
        async def forward(request: web.Request) -> web.Response:
            for host in self.stacks.get(stack, []):
                with suppress(ClientError):
                    async with self._session.get(f"http://{host}:{SERVICE_PORT}{request.rel_url}") as reply:
                        return web.Response(status=reply.status, body=await reply.read())
            return web.Response(status=503)

        app = web.Application()
        app.router.add_get("/{path:.*}", forward)
        return await serve(app, address, HTTPS_PORT, self._tls())

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self.state.root / "certificates"
        arn = next(path.stem for path in folder.glob("*.pem") if path.stem != "ca")
        context.load_cert_chain(*certificates.files(folder, f"/{arn}"))
        return context

    def _publish(self, region: str, balancers: Iterable[Record]) -> None:
        """No request ever came, and a target is healthy: no RequestCount, and a HealthyHostCount."""
        found = pages(self._aws.elbv2(region), "describe_target_groups", "TargetGroups")
        groups_by_name = {group["TargetGroupName"]: group["TargetGroupArn"] for group in found}
        data = [
            _healthy(lb["LoadBalancerArn"].partition(":loadbalancer/")[2], groups_by_name[lb["LoadBalancerName"]])
            for lb in balancers
            if lb["LoadBalancerName"] in groups_by_name
        ]
        if data:
            self._aws.cloudwatch(region).put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)


def _healthy(balancer_id: str, group: str) -> MetricDatumTypeDef:
    dimensions = {"LoadBalancer": balancer_id, "TargetGroup": group.rpartition(":")[2]}
    return {
        "MetricName": "HealthyHostCount", "Value": 1.0, "Unit": "Count", "StorageResolution": 1,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }  # fmt: skip


def _by_stack(records: Iterable[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records:
        found.setdefault(tags(record).get("coinquery:stack", ""), []).append(record["PrivateIpAddress"])
    return found


def _clients(endpoint: str, regions: Iterable[str]) -> Aws:
    """Clients that reach the API behind the rules, as AWS's own machinery does."""
    before, os.environ["AWS_ENDPOINT_URL"] = os.environ["AWS_ENDPOINT_URL"], endpoint
    try:
        aws = Aws()
        for region in regions:
            for client in (aws.ec2, aws.autoscaling, aws.elbv2, aws.cloudformation, aws.cloudwatch):
                client(region)
    finally:
        os.environ["AWS_ENDPOINT_URL"] = before
    return aws


async def _session() -> ClientSession:
    return ClientSession(timeout=ClientTimeout(total=5), trust_env=False)


@contextmanager
def light_world(
    root: Path, *regions: str, make: Callable[..., Stage] = Stage, without: Sequence[str] = ("litecoin",)
) -> Iterator[tuple[World, Stage]]:
    """A local world whose instances and load balancers are a stage's; the environment leads there while it stands.

    ``make`` makes the stage; parts of the world with one of the words ``without`` in their names are left out.
    """
    before = dict(os.environ)
    background = Background()
    with free_state(root) as state:
        supervisor = Supervisor(state)
        state.root.mkdir(parents=True, exist_ok=True)
        try:
            parts = local_world.components(state)
            supervisor.start([part for part in parts if not any(word in part.name for word in without)])
            environment.enter(state)
            furnish(state, Aws())
            stage = make(state, regions or ("us-east-1",), background)
            try:
                yield World(state, child_environment(state), Aws()), stage
            finally:
                stage.close()
        finally:
            supervisor.stop()
            background.close()
            os.environ.clear()
            os.environ.update(before)


async def serve(app: web.Application, address: str, port: int, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """The application at an address and port until the runner is cleaned up."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, address, port, ssl_context=tls).start()
    return runner
