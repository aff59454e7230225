"""Sweeps over real nodes behind the real service: each verdict from a real cause, and back when the cause is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from coinquery.clock import SystemClock
from coinquery.errors import NotBootstrapped
from coinquery.monitor.configuration import LOG_GROUP
from tests.monitored import COMMIT, Background, Chain, Production, coin, service
from tests.monitored import chain as new_chain
from tests.real_nodes import RealNode, anvil
from tests.worlds import World

pytestmark = pytest.mark.local_aws
ONE, TWO = "cq-eth-0001-prod", "cq-eth-0002-prod"


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture
def chain() -> Iterator[Chain]:
    """The chain, a few blocks along."""
    with new_chain() as chain:
        yield chain


@pytest.fixture
def production(world: World, chain: Chain) -> Production:
    return Production(world.aws, world.state, coin(*chain.references))


class AheadClock(SystemClock):
    """The service's clock, which a test moves on."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder on a filesystem in memory, small enough to fill."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("there is no /dev/shm")
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def serve(
    production: Production, background: Background, stack: str, node: str, commit: str = COMMIT, **settings: Any
) -> ExitStack:
    """A stack with one instance, and its service; closing stops the service."""
    address = production.address()
    production.stack(stack)
    production.instance(stack, address)
    running = ExitStack()
    running.enter_context(service(background, address, node, commit, **settings))
    return running


def test_healthy_nodes_are_recorded_with_everything_that_was_seen(
    production: Production, background: Background, chain: Chain
) -> None:
    before = datetime.now(UTC)
    with serve(production, background, ONE, chain.network.url), serve(production, background, TWO, chain.network.url):
        summary = production.sweep()
    assert (summary.instances, summary.healthy, summary.unreached) == (2, 2, 0)
    for stack in (ONE, TWO):
        [record] = production.records(stack)
        assert (record.verdict, record.up, record.stack, record.coin) == ("healthy", 1, stack, "eth")
        assert record.sweep == summary.sweep
        assert (record.commit, record.expected_commit, record.release) == (COMMIT, COMMIT, "v1.2.0")
        assert (record.height, record.head, record.lag_blocks, record.witnesses) == (19000020, 19000020, 0, 2)
        assert record.anchor == 19000010
        assert record.anchor_hash == record.expected_anchor_hash == chain.hash_at(19000010)
        assert (record.chain, record.protected, record.region) == ("1", True, production.region)
        assert record.client is not None
        assert record.client.startswith("anvil ")
        assert record.health == "in step"
        assert before < record.time < datetime.now(UTC)


def test_records_are_log_lines_that_carry_their_metrics(
    production: Production, background: Background, chain: Chain
) -> None:
    with serve(production, background, ONE, chain.network.url):
        production.sweep()
    events = production.aws.logs(production.region).get_log_events(logGroupName=LOG_GROUP, logStreamName=ONE)["events"]
    [line] = [json.loads(event["message"]) for event in events]
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "CoinQuery"
    assert metrics["Dimensions"] == [["stack", "coin"]]
    assert {metric["Name"]: line[metric["Name"]] for metric in metrics["Metrics"]} == {
        "up": 1,
        "height": 19000020,
        "lag_blocks": 0,
    }


def test_a_stopped_service_is_unreachable_and_back_when_it_is_back(
    production: Production, background: Background, chain: Chain
) -> None:
    with serve(production, background, ONE, chain.network.url) as running:
        assert production.verdict(ONE).verdict == "healthy"
        running.close()
        gone = production.verdict(ONE)
        assert gone.verdict == "unreachable"
        assert "refused" in gone.reason
        assert (gone.height, gone.lag_blocks, gone.commit, gone.up) == (None, None, None, 0)
        with service(background, gone.address, chain.network.url):
            assert production.verdict(ONE).verdict == "healthy"


def test_a_stopped_node_is_unreachable_though_its_service_answers(
    production: Production, background: Background, chain: Chain
) -> None:
    with chain.replica() as replica, serve(production, background, ONE, replica.url):
        assert production.verdict(ONE).verdict == "healthy"
        replica.process.kill()
        replica.process.wait()
        gone = production.verdict(ONE)
    assert gone.verdict == "unreachable"
    assert gone.commit == COMMIT


def test_a_node_of_another_chain_is_on_the_wrong_chain(production: Production, background: Background) -> None:
    with anvil() as other, serve(production, background, ONE, other.url):
        other.ask("anvil_setChainId", 5)
        wrong = production.verdict(ONE)
    assert (wrong.verdict, wrong.reason) == ("wrong-chain", "its chain is 5, the coin's is 1")


def test_a_node_on_a_fork_of_the_chain_is_on_the_wrong_chain(
    production: Production, background: Background, chain: Chain
) -> None:
    with anvil() as fork, serve(production, background, ONE, fork.url):
        fork.ask("anvil_mine", hex(20), "0x1")  # other times, so other blocks
        wrong = production.verdict(ONE)
    assert wrong.verdict == "wrong-chain"
    assert "its block 19000010 is 0x" in wrong.reason


def mine_from(node: RealNode, start: int, blocks: int) -> None:
    """A block for each second from a time on."""
    node.ask("evm_setNextBlockTimestamp", start)
    node.ask("anvil_mine", hex(blocks), "0x1")


def test_a_node_that_reorganises_away_is_on_the_wrong_chain_until_it_is_back(
    production: Production, background: Background
) -> None:
    start = int(time.time()) - 20
    with ExitStack() as running:
        one, two, node = (running.enter_context(anvil("--timestamp", str(start))) for _ in range(3))
        for each in (one, two, node):  # the same blocks, since they have the same times
            mine_from(each, start + 1, 20)
        production.eth = coin(one.url, two.url)
        serving = running.enter_context(serve(production, background, ONE, node.url))
        ours = production.verdict(ONE)
        assert (ours.verdict, ours.anchor) == ("healthy", 19000010)
        node.ask("anvil_reorg", 15, [])
        away = production.verdict(ONE)
        assert (away.verdict, away.height) == ("wrong-chain", 19000020)
        assert away.anchor_hash != away.expected_anchor_hash == ours.anchor_hash
        serving.close()
        running.enter_context(service(background, away.address, one.url))
        assert production.verdict(ONE).verdict == "healthy"


def test_an_older_commit_is_the_wrong_commit(production: Production, background: Background, chain: Chain) -> None:
    with serve(production, background, ONE, chain.network.url, commit="f" * 40):
        wrong = production.verdict(ONE)
    assert (wrong.verdict, wrong.commit) == ("wrong-commit", "f" * 40)


def test_a_service_that_was_built_from_no_release_is_the_wrong_commit(
    production: Production, background: Background, chain: Chain
) -> None:
    address = production.address()
    production.stack(ONE)
    production.instance(ONE, address)
    with service(background, address, chain.network.url, commit=None):
        assert production.verdict(ONE).verdict == "wrong-commit"


def test_a_node_that_is_late_lags_then_is_stalled_and_is_healthy_again_when_it_follows(
    production: Production, background: Background, chain: Chain
) -> None:
    with chain.replica() as replica, serve(production, background, ONE, replica.url):
        assert production.verdict(ONE).verdict == "healthy"
        chain.mine(50)
        late = production.verdict(ONE)
        assert (late.verdict, late.lag_blocks, late.head) == ("lagging", 50, chain.height)
        assert late.rate == 0
        production.eth = coin(*chain.references, patience=0)
        chain.mine(5)
        stalled = production.verdict(ONE)
        assert (stalled.verdict, stalled.lag_blocks) == ("stalled", 55)
        assert "it has not moved since" in stalled.reason
        chain.follow(replica)
        assert production.verdict(ONE).verdict == "healthy"


def test_a_node_that_catches_up_is_syncing_with_an_estimate_from_the_records(
    production: Production, background: Background, chain: Chain
) -> None:
    chain.mine(300)
    with anvil() as behind, serve(production, background, ONE, behind.url):
        behind.ask("anvil_mine", hex(10), "0x0")
        assert production.verdict(ONE).verdict == "lagging"
        behind.ask("anvil_mine", hex(200), "0x0")
        catching_up = production.verdict(ONE)
    assert catching_up.verdict == "syncing"
    assert catching_up.rate is not None
    assert catching_up.rate > 1
    assert catching_up.eta_seconds is not None


def test_a_chain_that_stands_still_is_not_in_step(production: Production, background: Background, chain: Chain) -> None:
    production.eth = coin(*chain.references, tolerance=0)
    with serve(production, background, ONE, chain.network.url):
        chain.mine(1)
        record = production.verdict(ONE)
        while record.verdict == "healthy":
            record = production.verdict(ONE)
    assert (record.verdict, record.lag_blocks) == ("unknown", 0)


def test_i5_a_stack_whose_protection_is_off_is_unprotected_until_it_is_on(
    production: Production, background: Background, chain: Chain
) -> None:
    cloudformation = production.aws.cloudformation(production.region)
    with serve(production, background, ONE, chain.network.url):
        cloudformation.update_termination_protection(StackName=ONE, EnableTerminationProtection=False)
        off = production.verdict(ONE)
        assert (off.verdict, off.protected) == ("unprotected", False)
        assert off.reason == "off at its stack: termination protection"
        cloudformation.update_termination_protection(StackName=ONE, EnableTerminationProtection=True)
        assert production.verdict(ONE).verdict == "healthy"


def test_i5_a_stack_without_its_policy_is_unprotected(
    production: Production, background: Background, chain: Chain
) -> None:
    address = production.address()
    production.stack(ONE, policy=False)
    production.instance(ONE, address)
    with service(background, address, chain.network.url):
        assert production.verdict(ONE).reason == "off at its stack: stack policy"


def test_i13_an_instance_whose_stack_is_gone_is_not_healthy(
    production: Production, background: Background, chain: Chain
) -> None:
    address = production.address()
    production.instance(ONE, address)
    with service(background, address, chain.network.url):
        orphan = production.verdict(ONE)
    assert (orphan.verdict, orphan.protected) == ("unknown", None)


def test_i13_without_a_reference_nobody_is_healthy(
    production: Production, background: Background, chain: Chain
) -> None:
    production.eth = coin()
    with serve(production, background, ONE, chain.network.url):
        assert production.verdict(ONE).verdict == "unknown"
        production.eth = coin(chain.network.url, "http://127.0.0.1:9", "http://127.0.0.1:10")
        alone = production.verdict(ONE)
    assert alone.verdict == "unknown"
    assert "127.0.0.1:9: Connection refused" in alone.reason
    assert (alone.head, alone.lag_blocks) == (None, None)


def test_one_of_three_references_lies_and_nobody_is_judged_by_it(
    production: Production, background: Background, chain: Chain
) -> None:
    with anvil() as liar:
        production.eth = coin(*chain.references, liar.url)
        with serve(production, background, ONE, chain.network.url):
            for blocks in (0, 300):
                liar.ask("anvil_mine", hex(blocks), "0x0")
                record = production.verdict(ONE)
                assert (record.verdict, record.head) == ("healthy", chain.height), record.reason


def test_i13_a_stack_is_no_witness_for_itself_and_one_for_others(
    production: Production, background: Background, chain: Chain
) -> None:
    with (
        serve(production, background, ONE, chain.network.url),
        serve(production, background, TWO, chain.mirror.url),
    ):
        assert production.sweep().healthy == 2
        production.eth = coin(chain.network.url, "http://127.0.0.1:9", "http://127.0.0.1:10")
        for stack in (ONE, TWO):
            assert production.verdict(stack).verdict == "healthy"
        production.aws.logs(production.region).delete_log_stream(logGroupName=LOG_GROUP, logStreamName="sweeps")
        assert production.sweep().healthy == 0  # nobody remembers what the stacks said


def test_a_volume_that_fills_is_filling_until_it_does_not(
    production: Production, background: Background, chain: Chain, data: Path
) -> None:
    clock = AheadClock()
    production.eth = coin(*chain.references, full_within=90 * 86400)
    with serve(production, background, ONE, chain.network.url, clock=clock, data=data, tolerance=10**6):
        assert production.verdict(ONE).volume_days is None
        (data / "blocks").write_bytes(bytes(2**25))
        clock.ahead = timedelta(hours=1)
        filling = production.verdict(ONE)
        assert filling.verdict == "filling"
        assert filling.volume_days is not None
        assert (filling.up, filling.height) == (0, chain.height)
        for hours in (25, 26):  # a day later that hour is forgotten
            clock.ahead = timedelta(hours=hours)
            record = production.verdict(ONE)
    assert (record.verdict, record.volume_size) == ("healthy", filling.volume_size)


def test_a_new_instance_starts_until_its_grace_is_over(production: Production, chain: Chain) -> None:
    production.eth = coin(*chain.references, grace=3600)
    production.stack(ONE)
    production.instance(ONE, production.address())
    assert production.verdict(ONE).verdict == "starting"


def test_i15_only_production_is_looked_at(production: Production, background: Background, chain: Chain) -> None:
    names = ["cq-eth-0001-stage", "cq-eth-0001-dev", "cq-eth-0001-prod-x", "cq-eth-01-prod", "other"]
    for name in names:
        production.instance(name, production.address())
    production.instance(TWO, production.address(), stack=ONE)
    stopped = production.instance(ONE, production.address())
    production.aws.ec2(production.region).terminate_instances(InstanceIds=[stopped])
    assert production.sweep().instances == 0
    streams = production.aws.logs(production.region).describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    assert [stream.get("logStreamName") for stream in streams] == ["sweeps"]


def test_i15_a_sweep_makes_no_call_that_could_change_what_it_looks_at(
    world: World, production: Production, background: Background, chain: Chain
) -> None:
    """As the gateway heard it, of whatever service."""
    with serve(production, background, ONE, chain.network.url):
        before = len(world.state.calls.read_text().splitlines())
        production.sweep()
        calls = [json.loads(line) for line in world.state.calls.read_text().splitlines()[before:]]
    looks = {"ec2:DescribeInstances", "cloudformation:DescribeStacks", "cloudformation:GetStackPolicy"}
    reads = {"logs:GetLogEvents", "ssm:GetParametersByPath"}
    writes = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {f"{call['service']}:{call['operation']}" for call in calls} == looks | reads | writes
    assert {call["region"] for call in calls} == {production.region}


def test_a_coin_that_is_not_configured_is_unknown(production: Production) -> None:
    production.instance("cq-xyz-0001-prod", production.address())
    summary = production.sweep()
    [record] = production.records("cq-xyz-0001-prod")
    assert (summary.healthy, record.verdict) == (0, "unknown")
    assert "not in the monitor's configuration" in record.reason


def test_a_region_without_the_log_group_says_what_brings_it(production: Production) -> None:
    production.aws.logs(production.region).delete_log_group(logGroupName=LOG_GROUP)
    production.instance(ONE, production.address())
    with pytest.raises(NotBootstrapped, match="/coinquery/monitor"):
        production.sweep()
