"""What stops a rollout before the DNS step: each real fault names the instance, the records stay (I3, I7)."""

from __future__ import annotations

import subprocess
from typing import Any

from coinquery import naming
from coinquery.local.chains import FIRST_BLOCK
from coinquery.local.follower import call
from coinquery.stacks import instances
from tests.coin_stacks import until
from tests.teams import REGION, Team


def _deploy(team: Team, coin: str, release: str = "v1.0.0", wait: str = "25s") -> subprocess.CompletedProcess[str]:
    return team.run("deploy", coin, "--release", release, "--region", REGION, "--yes", "--wait", wait)


def _stopped(team: Team, coin: str, word: str, wait: str = "25s") -> subprocess.CompletedProcess[str]:
    """The deploy, run again as it says until it stops for what is meant: on a slow machine a stay is over sooner."""
    for _ in range(10):
        ran = _deploy(team, coin, wait=wait)
        if ran.returncode != 4 or word in ran.stderr.splitlines()[-2]:
            break
    return ran


def _instances(team: Team, coin: str) -> dict[str, instances.Instance]:
    return instances.of_stack(team.world.aws.ec2(REGION), naming.parse(f"cq-{coin}-0001-prod"))


def _behind(team: Team) -> dict[str, Any]:
    """A node that forks the network some blocks back and follows nobody: behind from the first moment on."""
    height = int(call(team.world.state.evm_network, "eth_blockNumber"), 16)
    return {"node": f"--fork-block-number {max(FIRST_BLOCK, height - 30)}", "follows": False}


def _untouched(team: Team, coin: str) -> None:
    assert team.names(coin).read().public is None
    assert team.names(coin).read().private is None


def test_i3_a_service_that_answers_the_wrong_commit_stops(team: Team) -> None:
    """The image that is registered for the release was built from another commit."""
    coin = team.coin("wrong")
    team.repository.change("A change that no image holds")
    team.must("release", "create", coin, "v6.0.0")
    team.build(team.commits["v1.0.0"], under=team.repository.head())
    ran = _deploy(team, coin, "v6.0.0", wait="60s")
    (instance,) = _instances(team, coin)
    assert ran.returncode == 1, ran.stderr
    assert f"instance {instance}" in ran.stderr
    assert "wrong-commit" in ran.stderr
    assert team.commits["v1.0.0"] in ran.stderr
    _untouched(team, coin)


def test_i7_a_node_that_stays_behind_stops_and_the_same_command_carries_on(team: Team) -> None:
    coin = team.coin("behind", **_behind(team))
    ran = _stopped(team, coin, "behind")
    (instance,) = _instances(team, coin)
    assert ran.returncode == 4, ran.stderr
    assert instance in ran.stderr.splitlines()[-2]
    assert "behind" in ran.stderr.splitlines()[-2]
    assert "same command" in ran.stderr.splitlines()[-1]
    _untouched(team, coin)


def test_i7_a_node_on_another_chain_stops(team: Team) -> None:
    coin = team.coin("fork", node="--chain-id 5")
    ran = _deploy(team, coin, wait="60s")
    (instance,) = _instances(team, coin)
    assert ran.returncode == 1, ran.stderr
    assert f"instance {instance}" in ran.stderr
    assert "wrong-chain" in ran.stderr
    _untouched(team, coin)


def test_i7_an_instance_that_dies_while_it_is_waited_for_stops(team: Team) -> None:
    """It is replaced by one that is not proven either; the message names the one that lacks proof."""
    coin = team.coin("dies", **_behind(team))
    process = team.start("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes", "--wait", "30s")
    first = until(lambda: _instances(team, coin))
    assert first
    team.world.aws.ec2(REGION).terminate_instances(InstanceIds=list(first))
    _, said = process.communicate(timeout=200)
    assert process.returncode == 4, said
    assert until(lambda: _instances(team, coin).keys() - first)
    (second,) = _instances(team, coin)
    ran = _stopped(team, coin, second, wait="5s")
    assert ran.returncode == 4, ran.stderr
    assert second in ran.stderr.splitlines()[-2]
    _untouched(team, coin)


def test_i7_a_monitor_that_is_off_stops(team: Team) -> None:
    coin = team.coin("blind")
    functions = team.world.aws.functions(REGION)
    functions.put_function_concurrency(FunctionName="coinquery-monitor", ReservedConcurrentExecutions=0)
    try:
        ran = _stopped(team, coin, "the monitor has not logged it yet", wait="15s")
    finally:
        functions.put_function_concurrency(FunctionName="coinquery-monitor", ReservedConcurrentExecutions=1)
    (instance,) = _instances(team, coin)
    assert ran.returncode == 4, ran.stderr
    assert f"{instance}: the monitor has not logged it yet" in ran.stderr
    _untouched(team, coin)


def test_i7_a_stack_that_failed_before_it_was_live_can_be_taken_away(team: Team) -> None:
    """The stopped rollout's stack needs its name typed and nothing else; then the release takes the next number."""
    coin = team.coin("gone", **_behind(team))
    assert _stopped(team, coin, "behind").returncode == 4
    name = f"cq-{coin}-0001-prod"
    refused = team.run("retire", name)
    assert refused.returncode == 3
    assert "typed" in refused.stderr
    assert team.stack(name) is not None
    wrong = team.run("retire", name, "--name", f"cq-{coin}-0002-prod")
    assert wrong.returncode == 3
    team.must("retire", name, "--name", name)
    assert team.stack(name) is None
    ran = team.run("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--plan")
    assert ran.returncode == 0
    assert f"cq-{coin}-0002-prod" in ran.stderr
