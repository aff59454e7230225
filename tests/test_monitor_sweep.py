"""Sweeps over real nodes behind the real service: each verdict from a real cause, and back when the cause is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from coinquery.errors import NotBootstrapped
from coinquery.monitor.configuration import LOG_GROUP
from tests.monitored import COMMIT, Background, Production, coin, service
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
def network() -> Iterator[RealNode]:
    """The node that mines the chain, a few blocks along."""
    with anvil() as node:
        mine(node, 10)
        yield node


@pytest.fixture
def production(world: World, network: RealNode) -> Production:
    return Production(world.aws, world.state, coin(network.url))


def mine(node: RealNode, blocks: int) -> None:
    node.ask("anvil_mine", hex(blocks), "0x0")


def follow(replica: RealNode, network: RealNode) -> None:
    replica.ask("anvil_reset", {"forking": {"jsonRpcUrl": network.url}})


def height(node: RealNode) -> int:
    return int(node.ask("eth_blockNumber"), 16)


def serve(production: Production, background: Background, stack: str, node: str, commit: str = COMMIT) -> ExitStack:
    """A stack with one instance, and its service; closing stops the service."""
    address = production.address()
    production.stack(stack)
    production.instance(stack, address)
    running = ExitStack()
    running.enter_context(service(background, address, node, commit))
    return running


def test_healthy_nodes_are_recorded_with_everything_that_was_seen(
    production: Production, background: Background, network: RealNode
) -> None:
    before = datetime.now(UTC)
    with serve(production, background, ONE, network.url), serve(production, background, TWO, network.url):
        summary = production.sweep()
    assert (summary.instances, summary.healthy, summary.unreached) == (2, 2, 0)
    for stack in (ONE, TWO):
        [record] = production.records(stack)
        assert (record.verdict, record.up, record.stack, record.coin) == ("healthy", 1, stack, "eth")
        assert record.sweep == summary.sweep
        assert (record.commit, record.expected_commit, record.release) == (COMMIT, COMMIT, "v1.2.0")
        assert (record.height, record.head, record.lag_blocks, record.references) == (19000010, 19000010, 0, 1)
        assert (record.chain, record.protected, record.region) == ("1", True, production.region)
        assert record.client is not None
        assert record.client.startswith("anvil/")
        assert record.health == "200 'alive!'"
        assert before < record.time < datetime.now(UTC)


def test_records_are_log_lines_that_carry_their_metrics(
    production: Production, background: Background, network: RealNode
) -> None:
    with serve(production, background, ONE, network.url):
        production.sweep()
    events = production.aws.logs(production.region).get_log_events(logGroupName=LOG_GROUP, logStreamName=ONE)["events"]
    [line] = [json.loads(event["message"]) for event in events]
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "CoinQuery"
    assert metrics["Dimensions"] == [["stack", "coin"]]
    assert {metric["Name"]: line[metric["Name"]] for metric in metrics["Metrics"]} == {
        "up": 1,
        "height": 19000010,
        "lag_blocks": 0,
    }


def test_a_stopped_service_is_unreachable_and_back_when_it_is_back(
    production: Production, background: Background, network: RealNode
) -> None:
    with serve(production, background, ONE, network.url) as running:
        assert production.verdict(ONE).verdict == "healthy"
        running.close()
        gone = production.verdict(ONE)
        assert gone.verdict == "unreachable"
        assert "refused" in gone.reason
        assert (gone.height, gone.lag_blocks, gone.commit, gone.up) == (None, None, None, 0)
        with service(background, gone.address, network.url):
            assert production.verdict(ONE).verdict == "healthy"


def test_a_stopped_node_is_unreachable_though_its_service_answers(
    production: Production, background: Background, network: RealNode
) -> None:
    with anvil("-f", network.url, "--no-mining") as replica, serve(production, background, ONE, replica.url):
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
    production: Production, background: Background, network: RealNode
) -> None:
    with anvil() as fork, serve(production, background, ONE, fork.url):
        fork.ask("anvil_mine", hex(10), "0x1")  # other times, so other blocks
        wrong = production.verdict(ONE)
    assert wrong.verdict == "wrong-chain"
    assert "its block 19000004 is 0x" in wrong.reason


def test_an_older_commit_is_the_wrong_commit(production: Production, background: Background, network: RealNode) -> None:
    with serve(production, background, ONE, network.url, commit="f" * 40):
        wrong = production.verdict(ONE)
    assert (wrong.verdict, wrong.commit) == ("wrong-commit", "f" * 40)


def test_a_service_that_was_built_from_no_release_is_the_wrong_commit(
    production: Production, background: Background, network: RealNode
) -> None:
    address = production.address()
    production.stack(ONE)
    production.instance(ONE, address)
    with service(background, address, network.url, commit=None):
        assert production.verdict(ONE).verdict == "wrong-commit"


def test_a_node_that_stalls_lags_and_is_healthy_again_when_it_follows(
    production: Production, background: Background, network: RealNode
) -> None:
    with anvil("-f", network.url, "--no-mining") as replica, serve(production, background, ONE, replica.url):
        assert production.verdict(ONE).verdict == "healthy"
        mine(network, 50)
        late = production.verdict(ONE)
        assert (late.verdict, late.lag_blocks, late.head) == ("lagging", 50, height(network))
        assert late.rate == 0
        follow(replica, network)
        assert production.verdict(ONE).verdict == "healthy"


def test_a_node_that_catches_up_is_syncing_with_an_estimate_from_the_records(
    production: Production, background: Background, network: RealNode
) -> None:
    mine(network, 300)
    with anvil() as behind, serve(production, background, ONE, behind.url):
        mine(behind, 10)
        assert production.verdict(ONE).verdict == "lagging"
        mine(behind, 200)
        catching_up = production.verdict(ONE)
    assert catching_up.verdict == "syncing"
    assert catching_up.rate is not None
    assert catching_up.rate > 1
    assert catching_up.eta_seconds is not None


def test_a_chain_that_stands_still_is_not_in_step(
    production: Production, background: Background, network: RealNode
) -> None:
    production.eth = coin(network.url, tolerance=0)
    with serve(production, background, ONE, network.url):
        mine(network, 1)
        record = production.verdict(ONE)
        while record.verdict == "healthy":
            record = production.verdict(ONE)
    assert (record.verdict, record.lag_blocks) == ("lagging", 0)


def test_i5_a_stack_whose_protection_is_off_is_unprotected_until_it_is_on(
    production: Production, background: Background, network: RealNode
) -> None:
    cloudformation = production.aws.cloudformation(production.region)
    with serve(production, background, ONE, network.url):
        cloudformation.update_termination_protection(StackName=ONE, EnableTerminationProtection=False)
        off = production.verdict(ONE)
        assert (off.verdict, off.protected) == ("unprotected", False)
        assert off.reason == "off at its stack: termination protection"
        cloudformation.update_termination_protection(StackName=ONE, EnableTerminationProtection=True)
        assert production.verdict(ONE).verdict == "healthy"


def test_i5_a_stack_without_its_policy_is_unprotected(
    production: Production, background: Background, network: RealNode
) -> None:
    address = production.address()
    production.stack(ONE, policy=False)
    production.instance(ONE, address)
    with service(background, address, network.url):
        assert production.verdict(ONE).reason == "off at its stack: stack policy"


def test_i13_an_instance_whose_stack_is_gone_is_not_healthy(
    production: Production, background: Background, network: RealNode
) -> None:
    address = production.address()
    production.instance(ONE, address)
    with service(background, address, network.url):
        orphan = production.verdict(ONE)
    assert (orphan.verdict, orphan.protected) == ("unknown", None)


def test_i13_without_a_reference_nobody_is_healthy(
    production: Production, background: Background, network: RealNode
) -> None:
    production.eth = coin()
    with serve(production, background, ONE, network.url):
        assert production.verdict(ONE).verdict == "unknown"
        production.eth = coin(network.url, "http://127.0.0.1:9")
        alone = production.verdict(ONE)
    assert alone.verdict == "unknown"
    assert "127.0.0.1: Connection refused" in alone.reason
    assert (alone.head, alone.lag_blocks) == (None, None)


def test_one_of_three_references_lies_and_nobody_is_judged_by_it(
    production: Production, background: Background, network: RealNode
) -> None:
    with anvil("-f", network.url, "--no-mining") as honest, anvil() as liar:
        production.eth = coin(network.url, honest.url, liar.url)
        with serve(production, background, ONE, network.url):
            for blocks in (0, 300):
                mine(liar, blocks)
                record = production.verdict(ONE)
                assert (record.verdict, record.head) == ("healthy", height(network)), record.reason


def test_a_new_instance_starts_until_its_grace_is_over(production: Production, network: RealNode) -> None:
    production.eth = coin(network.url, grace=3600)
    production.stack(ONE)
    production.instance(ONE, production.address())
    assert production.verdict(ONE).verdict == "starting"


def test_i15_only_production_is_looked_at(production: Production, background: Background, network: RealNode) -> None:
    names = ["cq-eth-0001-stage", "cq-eth-0001-dev", "cq-eth-0001-prod-x", "cq-eth-01-prod", "other"]
    for name in names:
        production.instance(name, production.address())
    production.instance(TWO, production.address(), stack=ONE)
    stopped = production.instance(ONE, production.address())
    production.aws.ec2(production.region).terminate_instances(InstanceIds=[stopped])
    assert production.sweep().instances == 0
    streams = production.aws.logs(production.region).describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    assert streams == []


def test_i15_a_sweep_makes_no_call_that_could_change_what_it_looks_at(
    world: World, production: Production, background: Background, network: RealNode
) -> None:
    called: set[str] = set()
    clients = [
        production.aws.ec2(production.region),
        production.aws.cloudformation(production.region),
        production.aws.logs(production.region),
    ]
    for client in clients:
        client.meta.events.register("before-call", lambda model, **_: called.add(model.name))
    with serve(production, background, ONE, network.url):
        called.clear()
        production.sweep()
        mine(network, 1)
    assert called == {"DescribeInstances", "DescribeStacks", "GetStackPolicy", "PutLogEvents", "CreateLogStream"}


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
