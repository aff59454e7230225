"""The monitor from sweep to sweep, over a real local AWS: what it leaves, what it remembers, what it tells the team."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from coinquery import config
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.coins import Reference
from coinquery.dns.record import Alias
from coinquery.dns.zone import Zone
from coinquery.local.configuration import SLACK_SECRET
from coinquery.local.environment import HOME_REGION
from coinquery.monitor import references, silences
from coinquery.monitor.configuration import LOG_GROUP, Configuration
from coinquery.monitor.configuration import Production as Names
from coinquery.monitor.records import Record
from coinquery.monitor.silences import Silence
from coinquery.monitor.sweep import Limits
from coinquery.monitor.sweep_log import Began, Ended, SweepLog
from coinquery.monitor.team import Team
from coinquery.naming import SILENCES, parse
from coinquery.stacks.parameter_store import ParameterStore
from tests.coin_stacks import until
from tests.monitored import LIMITS, Background, Chain, Minutes, Production, chain, coin, explorer, server, service
from tests.worlds import World

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ssm import SSMClient

pytestmark = pytest.mark.local_aws
_coins = count(1)


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="module")
def eth() -> Iterator[Chain]:
    with chain() as made:
        yield made


def dead(service: str, region: str) -> Any:
    """A client of an AWS that nobody can reach."""
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, region_name=region, endpoint_url="http://127.0.0.1:9", config=once)  # type: ignore[call-overload]


class NoSsm(Aws):
    def ssm(self, region: str) -> SSMClient:
        return dead("ssm", region)  # type: ignore[no-any-return]


class NoEc2(Aws):
    def ec2(self, region: str) -> EC2Client:
        return dead("ec2", region)  # type: ignore[no-any-return]


@dataclass
class Fleet:
    """A region with one live stack of one instance, and its monitor, whose team is the world's Slack.

    Each sweep is a monitor of its own, a minute after the one before, as each could be another process.
    """

    world: World
    background: Background
    chain: Chain
    coin: str = field(default_factory=lambda: f"seen{next(_coins)}")
    clock: Minutes = field(default_factory=Minutes)
    slack: str = f"secretsmanager:{SLACK_SECRET}"
    servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.production = Production(self.world.aws, self.world.state, coin(*self.chain.references, tolerance=10**5))
        self.address = self.production.address()
        self.servers = (self.world.state.name_server,)
        balancer = f"{self.coin}-1.{self.production.region}.elb.amazonaws.com"
        self.stack = self.production.stack(f"cq-{self.coin}-0001-prod", balancer=balancer)
        self.production.instance(self.stack, self.address)
        self.zone = config.load(str(self.world.state.root / "cq.toml")).level("prod").public_zone
        name = f"{self.coin}.example.com"
        alias = Alias(name=f"{name}.", target=balancer, target_zone="Z35SXDOTRQ7X7K")
        Zone(self.world.aws.route53(), self.zone).swap(name, None, alias, "a test")

    @property
    def configuration(self) -> Configuration:
        return Configuration(
            coins={self.coin: self.production.eth},
            home=HOME_REGION,
            regions=(self.production.region,),
            production=Names(name="{coin}.example.com", zone=self.zone, name_servers=self.servers),
            webhook=self.slack,
        )

    def serving(self) -> Any:
        return service(self.background, self.address, self.chain.network.url, coin=self.coin)

    def sweep(self, times: int = 1, aws: Aws | None = None, limits: Limits = LIMITS) -> list[str]:
        """Sweep so many times; give what the team is told of the stack's outage."""
        before = len(inbox(self.world))
        for _ in range(times):
            self.clock.gone += 1
            region, settings = self.production.region, self.configuration
            team = Team(settings, self.world.aws, region, self.clock)
            self.production.watch(
                limits, aws=aws or self.world.aws, configuration=settings, clock=self.clock, tell=team.tell
            ).once()
        return [text for text in inbox(self.world)[before:] if f"outage of {self.stack}" in text]

    def silence(self, minutes: int) -> None:
        until = self.clock.now() + timedelta(minutes=minutes)
        silences.keep(self.store, parse(self.stack), Silence(until=until, by="test", why="a test"))

    @property
    def store(self) -> ParameterStore:
        return ParameterStore(self.world.aws.ssm(self.production.region))

    def log(self, stream: str = "sweeps") -> list[dict[str, Any]]:
        """The documents in a stream, as the log has them."""
        logs = self.world.aws.logs(self.production.region)
        found = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True)["events"]
        return [json.loads(event["message"]) for event in found]


def inbox(world: World) -> list[str]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(world.state.slack) as answer:
        return [message["text"] for message in json.load(answer)]


@pytest.fixture
def fleet(world: World, background: Background, eth: Chain) -> Fleet:
    return Fleet(world, background, eth)


# ---- What a sweep leaves


def metrics(line: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The dimensions of a line's metrics, and their values."""
    [made] = line["_aws"]["CloudWatchMetrics"]
    assert made["Namespace"] == "CoinQuery"
    return made["Dimensions"], {metric["Name"]: line[metric["Name"]] for metric in made["Metrics"]}


def test_a_sweep_leaves_that_it_began_and_ended_and_a_line_for_each_stack(fleet: Fleet) -> None:
    bare = fleet.production.stack(f"cq-{fleet.coin}-0002-prod")
    with fleet.serving():
        fleet.sweep()
    began, ended = fleet.log()
    assert [began["event"], ended["event"]] == ["began", "ended"]
    assert began["sweep"] == ended["sweep"] == fleet.production.records(fleet.stack)[-1].sweep
    assert "_aws" not in began
    assert metrics(ended) == (
        [["region"]],
        {"sweeps": 1, "dead_sweeps": 0, "overlapping_sweeps": 0, "unreached": 0},
    )
    assert ended["region"] == fleet.production.region
    assert (ended["instances"], ended["healthy"]) == (1, 1)
    stacks = {line["stack"]: line for line in fleet.log("stacks")}
    assert {name: metrics(line) for name, line in stacks.items()} == {
        fleet.stack: ([["stack", "coin"]], {"outage": 0, "serving": 1}),
        bare: ([["stack", "coin"]], {"outage": 0, "serving": 0}),
    }
    assert {name: line["role"] for name, line in stacks.items()} == {fleet.stack: "live", bare: "other"}


def test_the_outage_of_a_live_stack_is_a_metric_unless_it_is_silenced(fleet: Fleet) -> None:
    fleet.sweep()
    fleet.silence(minutes=5)
    fleet.sweep()
    assert [metrics(line)[1] for line in fleet.log("stacks")] == [
        {"outage": 1, "serving": 0},
        {"outage": 0, "serving": 0},
    ]


def test_a_sweep_of_a_persons_has_no_metrics_of_the_monitor_and_changes_no_alert(fleet: Fleet) -> None:
    """The dead man's switch must not take it for the monitor."""
    fleet.sweep(2)
    fleet.production.watch(by="here", configuration=fleet.configuration, clock=fleet.clock).once()
    _, by_hand = fleet.log()[-2:]
    assert (by_hand["by"], by_hand["alerts"]) == ("here", [])
    assert "_aws" not in by_hand
    assert len(fleet.log("stacks")) == 2
    assert len(fleet.sweep()) == 1  # the third of the monitor's own


# ---- What earlier sweeps left

DIES = """
import sys
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.coins import Reference
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch
configuration, limits = Configuration.from_text(sys.argv[2]), Limits(sweep=60, reserve=10, question=50)
watch = Watch(
    region=sys.argv[1], aws=Aws(), configuration=configuration, clock=SystemClock(), by="monitor", limits=limits
)
watch.once()
"""


async def hangs(*_: object) -> None:
    await asyncio.sleep(3600)


@contextmanager
def under_way(fleet: Fleet) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep in another process, which an instance holds up."""
    configuration = Configuration(coins={fleet.coin: fleet.production.eth})
    command = [sys.executable, "-c", DIES, fleet.production.region, configuration.to_text()]
    with server(fleet.background, fleet.address, hangs) as connected:
        process = subprocess.Popen(command, env=fleet.world.environment, stderr=subprocess.DEVNULL)
        try:
            assert until(lambda: bool(connected) or process.poll() is not None)
            assert process.poll() is None
            yield process
        finally:
            process.kill()
            process.wait(30)


def test_a_sweep_that_is_killed_is_told_by_the_next_once_and_while_it_lives_it_overlaps(fleet: Fleet) -> None:
    with under_way(fleet) as other:
        (began,) = fleet.log()
        fleet.production.watch(clock=SystemClock(), configuration=fleet.configuration, limits=QUICK).once()
        os.kill(other.pid, signal.SIGKILL)
    overlapping = fleet.log()[-1]
    assert (overlapping["overlaps"], overlapping["died"]) == ([began["sweep"]], [])
    assert metrics(overlapping)[1]["overlapping_sweeps"] == 1
    fleet.clock.gone = 2
    fleet.sweep(2)
    first, second = (line for line in fleet.log()[-4:] if line["event"] == "ended")
    assert (first["died"], first["overlaps"]) == ([began["sweep"]], [])
    assert metrics(first)[1]["dead_sweeps"] == 1
    assert (second["died"], metrics(second)[1]["dead_sweeps"]) == ([], 0)


#: For sweeps beside a hung instance.
QUICK = Limits(sweep=20, reserve=5, question=1)


def test_a_sweep_that_can_not_list_instances_fails_and_hands_on_what_it_was_handed(fleet: Fleet) -> None:
    fleet.sweep(2)
    before = fleet.log()[-1]
    assert before["alerts"]
    assert before["memory"]["words"]
    with pytest.raises(EndpointConnectionError):
        fleet.sweep(aws=NoEc2())
    failed = fleet.log()[-1]
    assert (failed["event"], failed["instances"]) == ("ended", 0)
    assert failed["failed"].startswith("EndpointConnectionError: Could not connect")
    assert "_aws" not in failed  # the dead man's switch hears nothing of it
    for kept in ("memory", "alerts", "live", "silences"):
        assert failed[kept] == before[kept], kept
    assert len(fleet.sweep()) == 1  # the third that could tell
    assert fleet.log()[-1]["died"] == []


@pytest.mark.parametrize("forget", ["stream", "line of another version"])
def test_memory_that_is_lost_harms_nobody(fleet: Fleet, forget: str) -> None:
    fleet.sweep(2)
    logs = fleet.world.aws.logs(fleet.production.region)
    lines = fleet.log()
    logs.delete_log_stream(logGroupName=LOG_GROUP, logStreamName="sweeps")
    if forget != "stream":
        changed = [json.dumps({**line, "schema": 2}) for line in lines] + ["{}", "not JSON", "[" * 5000]
        logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="sweeps")
        moment = int(datetime.now(UTC).timestamp() * 1000)
        events: Any = [{"timestamp": moment, "message": line} for line in changed]
        logs.put_log_events(logGroupName=LOG_GROUP, logStreamName="sweeps", logEvents=events)
    assert fleet.sweep(2) == []  # it counts from the beginning
    assert len(fleet.sweep()) == 1
    with fleet.serving():
        fleet.sweep()
    assert fleet.production.records(fleet.stack)[-1].verdict == "healthy"


# ---- What the team is told


def test_an_outage_is_told_once_after_three_sweeps_and_its_end_once_after_five(fleet: Fleet) -> None:
    assert fleet.sweep(2) == []
    [raised] = fleet.sweep(6)
    assert raised.startswith(f"PAGE: outage of {fleet.stack}. ")
    assert "unreachable" in raised
    assert "in 3 of the last 3 sweeps." in raised
    with fleet.serving():
        assert fleet.sweep(4) == []
        [resolved] = fleet.sweep(6)
    assert resolved.startswith(f"Resolved: outage of {fleet.stack}. ")


def test_a_notice_that_is_not_delivered_comes_again(fleet: Fleet) -> None:
    fleet.slack = "secretsmanager:no-such-secret"
    assert fleet.sweep(4) == []
    fleet.slack = f"secretsmanager:{SLACK_SECRET}"
    assert len(fleet.sweep(3)) == 1


def test_a_silence_holds_the_alert_back_and_what_is_bad_at_its_end_is_told(fleet: Fleet) -> None:
    fleet.silence(minutes=6)
    assert fleet.sweep(5) == []
    [raised] = fleet.sweep(2)
    assert "in 5 of the last 5 sweeps." in raised


def test_when_ssm_fails_the_silences_known_last_go_on_until_their_end(fleet: Fleet) -> None:
    fleet.silence(minutes=6)
    fleet.sweep()
    no_ssm = NoSsm()
    assert fleet.sweep(4, aws=no_ssm) == []
    assert len(fleet.sweep(2, aws=no_ssm)) == 1
    assert [line["outage"] for line in fleet.log("stacks")] == [*[0] * 5, 1, 1]


def test_a_silence_that_can_not_be_read_silences_nobody(fleet: Fleet) -> None:
    fleet.store.note(f"{SILENCES}/{fleet.stack}", '{"until":"tomorrow"}')
    assert len(fleet.sweep(3)) == 1


def test_a_hosted_zone_that_is_gone_fails_no_sweep_and_is_told_of_the_names_that_were_live(fleet: Fleet) -> None:
    with fleet.serving():
        fleet.sweep()
        fleet.zone, fleet.servers = "Z0GONE", ()
        before = len(inbox(fleet.world))
        fleet.sweep(3)
    assert fleet.production.records(fleet.stack)[-1].verdict == "healthy"
    told = [text for text in inbox(fleet.world)[before:] if f"{fleet.coin}.example.com" in text]
    assert any("hosted zone Z0GONE is not in this account" in text for text in told)
    assert fleet.log()[-1]["live"][fleet.coin]["stack"] == fleet.stack


# ---- Witnesses


def test_words_of_other_regions_vouch_where_they_are_configured(
    world: World, background: Background, eth: Chain
) -> None:
    far, near = (Production(world.aws, world.state) for _ in range(2))
    far.eth = coin(*eth.references, tolerance=10**5)
    near.eth = coin(eth.network.url, "http://127.0.0.1:9", tolerance=10**5)
    with ExitStack() as running:
        for production, stack in ((far, "cq-eth-0001-prod"), (near, "cq-eth-0002-prod")):
            address = production.address()
            production.instance(production.stack(stack), address)
            running.enter_context(service(background, address, eth.network.url))

        def seen(*regions: str) -> Record:
            coins, records = {"eth": near.eth}, list[Record]()
            near.watch(configuration=Configuration(coins=coins, regions=regions), on_record=records.append).once()
            return records[0]

        assert seen(near.region, far.region).verdict == "unknown"
        assert far.verdict("cq-eth-0001-prod").verdict == "healthy"
        assert seen(near.region).verdict == "unknown"
        vouched = seen(near.region, far.region)
        assert (vouched.verdict, vouched.witnesses, vouched.head) == ("healthy", 2, eth.height)
        assert seen(near.region, "eu-nowhere-1", far.region).verdict == "healthy"


def test_a_budget_of_calls_is_kept_from_sweep_to_sweep(fleet: Fleet) -> None:
    """Five minutes pass between two rounds of calls; the reference that is asked each time must not hide it."""
    address, asked = fleet.production.address(), list[str]()
    said = explorer(fleet.chain.height, fleet.chain.hash_at(19000010))

    async def remembers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split()[1])
        await said(reader, writer)

    slow = Reference(shape="status", url=f"http://{address}:8080", budget=12 * references.CALLS)
    both = (*coin(fleet.chain.network.url).references, slow)
    fleet.production.eth = msgspec.structs.replace(fleet.production.eth, references=both)
    with fleet.serving(), server(fleet.background, address, remembers):
        fleet.sweep(4)
        first = list(asked)
        fleet.sweep(4)
    assert first.count("/api/status") == 1
    assert len(first) <= references.CALLS
    assert asked[len(first) :] == ["/api/status"]  # hashes of the same blocks are not asked for again
    assert [line["healthy"] for line in fleet.log() if line["event"] == "ended"] == [1] * 8


def test_the_log_reads_back_what_a_sweep_wrote(fleet: Fleet) -> None:
    with fleet.serving():
        fleet.sweep()
    began, ended = SweepLog(fleet.world.aws.logs(fleet.production.region)).newest()
    assert isinstance(began, Began)
    assert isinstance(ended, Ended)
    assert ended.live[fleet.coin].stack == fleet.stack
    assert {word.by for word in ended.memory.words} == {
        fleet.stack,
        *(url.removeprefix("http://") for url in fleet.chain.references),
    }
    assert began.deadline - began.time == timedelta(seconds=LIMITS.sweep)
