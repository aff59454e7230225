"""The controller, with everything real: ministack, the shipped template, anvil, the service, Caddy with TLS."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from coinquery import naming
from coinquery.local import toolchain
from coinquery.local.controller.metrics import INTERVAL
from coinquery.local.follower import call
from coinquery.local.state import HTTP_PORT, HTTPS_PORT, State
from coinquery.rollout.proof import TargetProof
from coinquery.stacks import stack as stacks
from tests import coin_stacks
from tests.coin_stacks import processes, until
from tests.worlds import World

REGION, NAME, HOST = "eu-west-1", "cq-eth-9001-prod", "eth.example.com"


@dataclass(frozen=True)
class Stack:
    """A stack that runs, and how to ask it."""

    world: World
    commit: str
    outputs: dict[str, str]

    @property
    def address(self) -> str:
        """Where its public load balancer listens."""
        balancers = json.loads((self.world.state.root / "balancers.json").read_text())
        return str(balancers[self.outputs["LoadBalancerDnsName"].lower()])

    def connect(self) -> http.client.HTTPConnection:
        """A TLS connection to the load balancer; the certificate must hold for the public name."""
        context = ssl.create_default_context(cafile=str(self.world.state.root / "certificates/ca.pem"))
        connection = http.client.HTTPConnection(HOST, HTTPS_PORT, timeout=10)
        plain = socket.create_connection((self.address, HTTPS_PORT), timeout=10)
        connection.sock = context.wrap_socket(plain, server_hostname=HOST)
        return connection

    def get(self, path: str, host: str = HOST) -> tuple[int, bytes]:
        """Status and body of a GET over a new connection."""
        connection = self.connect()
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def instances(self) -> dict[str, str]:
        """The addresses of its running instances by id."""
        reservations = self.world.aws.ec2(REGION).describe_instances(
            Filters=[
                {"Name": "tag:coinquery:stack", "Values": [NAME]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        return {i["InstanceId"]: i["PrivateIpAddress"] for r in reservations for i in r["Instances"]}

    def in_turn(self) -> set[str]:
        """The addresses to which the load balancer sends requests."""
        group = self.outputs["TargetGroupArn"].rpartition("/")[2]
        slots = (self.world.state.root / "balancers" / group).glob("[0-9]*")
        return {slot.read_text().partition(":")[0] for slot in slots}

    def serves(self) -> bool:
        """Whether requests go to all instances there should be, and are answered."""
        addresses = self.instances().values()
        try:
            return len(addresses) == 2 and self.in_turn() == set(addresses) and self.get("/health")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def stack(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A production stack of two instances, in step; gone at the end."""
    repository = tmp_path_factory.mktemp("repository")
    commit = coin_stacks.release(repository)
    coin_stacks.create(world, REGION, NAME, repository, commit)
    running = Stack(world, commit, coin_stacks.outputs(world, REGION, NAME))
    assert until(running.serves), (world.state.root / "logs/controller.log").read_text()
    yield running
    world.aws.cloudformation(REGION).delete_stack(StackName=NAME)


def test_a_group_becomes_instances_with_its_tags_addresses_and_targets(stack: Stack) -> None:
    addresses = stack.instances()
    assert len(addresses) == 2
    assert all(address.startswith(f"127.{stack.world.state.block}.") for address in addresses.values())
    elb = stack.world.aws.elbv2(REGION)
    for group in ("TargetGroupArn", "InternalTargetGroupArn"):
        health = elb.describe_target_health(TargetGroupArn=stack.outputs[group])["TargetHealthDescriptions"]
        assert {description["Target"]["Id"] for description in health} == addresses.keys()
    found = _tags(stack, min(addresses))
    assert found["Name"] == found["coinquery:stack"] == found["aws:autoscaling:groupName"] == NAME
    assert found["coinquery:commit"] == stack.commit


def test_i3_what_runs_behind_the_load_balancer_is_the_commit_that_was_built(stack: Stack) -> None:
    status, body = stack.get("/info")
    assert (status, json.loads(body)["result"]["commitHash"]) == (200, stack.commit)


def test_other_host_names_get_the_default_action_and_http_is_redirected(stack: Stack) -> None:
    assert stack.get("/info", host="scanner.example.net") == (404, b"not found")
    connection = http.client.HTTPConnection(stack.address, HTTP_PORT, timeout=10)
    connection.request("GET", "/info?a=b", headers={"Host": f"{HOST}:{HTTP_PORT}"})
    response = connection.getresponse()
    assert (response.status, response.headers["Location"]) == (301, f"https://{HOST}:{HTTPS_PORT}/info?a=b")
    connection.close()


def test_local_eth_nodes_follow_the_network_and_are_on_its_chain(stack: Stack) -> None:
    network = stack.world.state.evm_network
    for address in stack.instances().values():
        node = f"http://{address}:8545"
        first = _height(node)
        assert until(partial(_reaches, node, first + 2))
        ours, theirs = (call(url, "eth_getBlockByNumber", hex(first), False) for url in (node, network))
        assert ours["hash"] == theirs["hash"]


@pytest.mark.skipif(toolchain.litecoind() is None, reason="litecoind is not installed")
def test_the_local_litecoin_network_finds_blocks(world: World) -> None:
    def height() -> int:
        with urllib.request.urlopen(f"{world.state.litecoin_network}/api/status", timeout=5) as reply:
            return int(json.load(reply)["info"]["blocks"])

    first = height()
    assert until(lambda: height() >= first + 2)


def test_a_killed_container_is_started_again(stack: Stack) -> None:
    address = sorted(stack.instances().values())[0]
    (service,) = processes(stack.world.state, f"{address}:8080")
    os.kill(service, signal.SIGKILL)
    assert until(lambda: [pid for pid in processes(stack.world.state, f"{address}:8080") if pid != service])
    assert until(lambda: _answers(address))


def test_requests_are_counted_as_the_load_balancer_forwards_them(stack: Stack) -> None:
    began = datetime.now(UTC) - timedelta(minutes=10)
    time.sleep(2 * INTERVAL)
    before = _sum(stack, "RequestCount", began)
    for _ in range(7):
        stack.get("/live")
    stack.get("/live", host="scanner.example.net")
    assert until(lambda: _sum(stack, "RequestCount", began) >= before + 7, 20)
    time.sleep(2 * INTERVAL)
    assert _sum(stack, "RequestCount", began) == before + 7
    assert until(lambda: _largest(stack, "HealthyHostCount", began) == 2, 30)


def test_i8_a_group_that_shrinks_and_grows_loses_no_request(stack: Stack) -> None:
    group = stack.world.aws.autoscaling(REGION)
    with _clients(stack) as outcomes:
        for wanted in (1, 2):
            group.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=wanted)
            assert until(partial(_sends_to, stack, wanted))
            time.sleep(1)
    assert set(outcomes) == {200}
    assert outcomes[200] > 100
    assert until(stack.serves)


def test_a_target_that_is_out_of_step_gets_no_requests_until_it_is_back(stack: Stack) -> None:
    elb, group = stack.world.aws.elbv2(REGION), stack.outputs["TargetGroupArn"]
    elb.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=5, UnhealthyThresholdCount=2)
    lagging, other = sorted(stack.instances().values())
    nodes = [pid for pid in processes(stack.world.state, "--fork-url") if pid in processes(stack.world.state, lagging)]
    os.kill(nodes[0], signal.SIGSTOP)
    assert until(lambda: stack.in_turn() == {other})
    os.kill(nodes[0], signal.SIGCONT)
    assert until(lambda: stack.in_turn() == {lagging, other})


def test_a_terminated_instance_is_replaced(stack: Stack) -> None:
    gone, address = sorted(stack.instances().items())[0]
    stack.world.aws.ec2(REGION).terminate_instances(InstanceIds=[gone])
    assert until(lambda: gone not in stack.instances() and stack.serves())
    assert until(lambda: not processes(stack.world.state, f"{address}:8080"))
    assert until(lambda: not (stack.world.state.root / "volumes" / gone).exists())


def test_i7_a_target_that_drains_is_no_gap_in_the_proof_of_a_stack_below_production(stack: Stack) -> None:
    described = stacks.read(stack.world.aws.cloudformation(REGION), naming.parse(NAME))
    assert described is not None
    proof, elb = TargetProof(stack.world.aws, REGION, lambda: described), stack.world.aws.elbv2(REGION)
    assert until(lambda: not proof.gaps())
    gone = min(stack.instances())
    stack.world.aws.ec2(REGION).terminate_instances(InstanceIds=[gone])
    assert until(lambda: gone not in stack.instances() and not proof.gaps())

    def drains_beside_two_that_are_healthy() -> bool:
        health = elb.describe_target_health(TargetGroupArn=stack.outputs["TargetGroupArn"])["TargetHealthDescriptions"]
        states = {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in health}
        return states.pop(gone, "") == "draining" and list(states.values()) == ["healthy"] * 2

    assert until(drains_beside_two_that_are_healthy)


def test_a_deleted_stack_leaves_no_process_instance_volume_or_port(stack: Stack) -> None:
    """Last in this module: it deletes the stack."""
    addresses, balancer, state = stack.instances(), stack.address, stack.world.state
    stack.world.aws.cloudformation(REGION).delete_stack(StackName=NAME)
    assert until(lambda: not stack.instances())
    for address in (*addresses.values(), balancer):
        assert until(partial(_gone, state, address))
    assert until(lambda: not any((state.root / "volumes" / instance).exists() for instance in addresses))
    assert stack.outputs["LoadBalancerDnsName"].lower() not in (state.root / "balancers.json").read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((balancer, HTTPS_PORT), timeout=5)


class _clients:  # noqa: N801 - used as a function
    """Clients that never stop asking over kept connections and never retry; gives a count of what they got."""

    def __init__(self, stack: Stack, number: int = 6) -> None:
        self._stack, self._stop, self._outcomes = stack, threading.Event(), Counter[object]()
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def __enter__(self) -> Counter[object]:
        for thread in self._threads:
            thread.start()
        return self._outcomes

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = self._stack.connect()
        while not self._stop.is_set():
            try:
                connection.request("GET", "/live")
                response = connection.getresponse()
                response.read()
                self._outcomes[response.status] += 1
            except (OSError, http.client.HTTPException) as error:
                self._outcomes[repr(error)] += 1
                connection = self._stack.connect()
            time.sleep(0.01)


def _tags(stack: Stack, instance: str) -> dict[str, str]:
    ec2 = stack.world.aws.ec2(REGION)
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def _height(node: str) -> int:
    return int(call(node, "eth_blockNumber"), 16)


def _reaches(node: str, height: int) -> bool:
    return _height(node) >= height


def _sends_to(stack: Stack, number: int) -> bool:
    return len(stack.in_turn()) == number


def _gone(state: State, address: str) -> bool:
    return not processes(state, address)


def _answers(address: str) -> bool:
    try:
        connection = http.client.HTTPConnection(address, 8080, timeout=2)
        connection.request("GET", "/live")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _sum(stack: Stack, metric: str, since: datetime) -> float:
    return sum(point["Sum"] for point in _points(stack, metric, since))


def _largest(stack: Stack, metric: str, since: datetime) -> float:
    return max((point["Maximum"] for point in _points(stack, metric, since)), default=0)


def _points(stack: Stack, metric: str, since: datetime) -> list[dict[str, float]]:
    dimensions = {
        "LoadBalancer": stack.outputs["LoadBalancerArn"].partition(":loadbalancer/")[2],
        "TargetGroup": stack.outputs["TargetGroupArn"].rpartition(":")[2],
    }
    points = stack.world.aws.cloudwatch(REGION).get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=since,
        EndTime=datetime.now(UTC) + timedelta(seconds=1),
        Period=1,
        Statistics=["Sum", "Maximum"],
    )["Datapoints"]
    return [{"Sum": point["Sum"], "Maximum": point["Maximum"]} for point in points]
