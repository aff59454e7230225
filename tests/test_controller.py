"""The controller, with everything real: ministack, the shipped template, anvil, the service, Caddy with TLS."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coinquery.local.checks import Check, Checker, by_command, over_http
from coinquery.local.controller import end_leftovers
from coinquery.local.programs import Program, Programs
from coinquery.local.state import HTTP_PORT, HTTPS_PORT, State
from tests import coin_stacks
from tests.coin_stacks import until
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


def processes(state: State, what: str) -> list[int]:
    """The ids of the world's processes that have ``what`` in their command line."""
    mark = f"CQ_LOCAL_WORLD={state.root.resolve()}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            if mark in environment and what.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_group_becomes_instances_with_its_tags_addresses_and_targets(stack: Stack) -> None:
    addresses = stack.instances()
    assert len(addresses) == 2
    assert all(address.startswith(f"127.{stack.world.state.block}.") for address in addresses.values())
    elb = stack.world.aws.elbv2(REGION)
    for group in ("TargetGroupArn", "InternalTargetGroupArn"):
        health = elb.describe_target_health(TargetGroupArn=stack.outputs[group])["TargetHealthDescriptions"]
        assert {description["Target"]["Id"] for description in health} == addresses.keys()
    ours = [{"Name": "resource-id", "Values": [min(addresses)]}]
    found = {tag["Key"]: tag["Value"] for tag in stack.world.aws.ec2(REGION).describe_tags(Filters=ours)["Tags"]}
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


def test_a_killed_container_is_started_again(stack: Stack) -> None:
    address = sorted(stack.instances().values())[0]
    (service,) = processes(stack.world.state, f"{address}:8080")
    os.kill(service, signal.SIGKILL)
    assert until(lambda: [pid for pid in processes(stack.world.state, f"{address}:8080") if pid != service])
    assert until(lambda: _answers(address))


def test_requests_are_counted_as_the_load_balancer_forwards_them(stack: Stack) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    before = _sum(stack, "RequestCount", began)
    for _ in range(7):
        stack.get("/live")
    stack.get("/live", host="scanner.example.net")
    assert until(lambda: _sum(stack, "RequestCount", began) >= before + 7, 20)
    assert _sum(stack, "RequestCount", began) == before + 7
    assert until(lambda: _largest(stack, "HealthyHostCount", began) == 2, 30)


def test_i8_a_group_that_shrinks_and_grows_loses_no_request(stack: Stack) -> None:
    group = stack.world.aws.autoscaling(REGION)
    with _clients(stack) as outcomes:
        for wanted in (1, 2):
            group.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=wanted)
            assert until(lambda wanted=wanted: len(stack.in_turn()) == wanted)
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
    assert not (stack.world.state.root / "volumes" / gone).exists()


def test_a_deleted_stack_leaves_no_process_instance_volume_or_port(stack: Stack) -> None:
    """Last in this module: it deletes the stack."""
    addresses, balancer, state = stack.instances(), stack.address, stack.world.state
    stack.world.aws.cloudformation(REGION).delete_stack(StackName=NAME)
    assert until(lambda: not stack.instances())
    for address in (*addresses.values(), balancer):
        assert until(lambda address=address: not processes(state, address))
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
        "LoadBalancer": stack.outputs["LoadBalancerFullName"],
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


def sleeper(name: str) -> Program:
    return Program(name, ("/bin/sleep", "1000"))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    yield State(tmp_path)
    end_leftovers(State(tmp_path))


def test_programs_are_started_restarted_and_ended_as_wanted(state: State) -> None:
    programs = Programs(state)
    programs.keep({"a/x": sleeper("a/x"), "b/x": sleeper("b/x")})
    assert len(_sleeping(state)) == 2
    os.kill(_sleeping(state)[0], signal.SIGKILL)

    def restarted() -> bool:
        programs.keep({"a/x": sleeper("a/x"), "b/x": sleeper("b/x")})
        return len(_sleeping(state)) == 2

    assert until(restarted)
    programs.keep({"a/x": sleeper("a/x")})
    assert until(lambda: len(_sleeping(state)) == 1)


def test_a_new_controller_takes_over_what_a_killed_one_left(state: State) -> None:
    wanted = {"a/x": sleeper("a/x")}
    Programs(state).keep(wanted)
    before = _sleeping(state)
    successor = Programs(state)
    successor.keep(wanted)
    assert _sleeping(state) == before
    successor.keep({})
    assert until(lambda: not _sleeping(state))


def test_leftovers_of_a_world_are_ended_and_others_are_left_alone(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "other")
    Programs(state).keep({"a/x": sleeper("a/x")})
    Programs(other).keep({"a/x": sleeper("a/x")})
    end_leftovers(state)
    assert not _sleeping(state)
    assert len(_sleeping(other)) == 1
    end_leftovers(other)


def test_a_program_that_ends_at_once_is_started_ever_more_rarely(state: State) -> None:
    programs, program = Programs(state), Program("a/x", (sys.executable, "-c", "print('once')"))
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        programs.keep({"a/x": program})
        time.sleep(0.02)
    assert 2 <= (state.root / "logs/a/x.log").read_text().count("once") <= 4


def _sleeping(state: State) -> list[int]:
    return processes(state, "/bin/sleep")


def _come_to(answers: list[bool], state: str) -> bool:
    """Whether a thing that gives these answers, then no more, is at last in this state."""
    left = iter(answers)
    over = threading.Event()

    def ask() -> bool:
        answer = next(left, None)
        if answer is None:
            over.wait(5)
        return bool(answer)

    checker = Checker()

    def settled() -> bool:
        checker.watch({"it": Check(ask, interval=0, passes=2, fails=3, after=0)})
        return left.__length_hint__() == 0 and checker.state("it") == state  # type: ignore[attr-defined]

    settled_in_time = until(settled, 3)
    over.set()
    return settled_in_time


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "initial"),
        ([True], "healthy"),
        ([False, False], "initial"),
        ([False, False, False], "unhealthy"),
        ([True, False, False], "healthy"),
        ([True, False, False, True, False, False], "healthy"),
        ([True, False, False, False], "unhealthy"),
        ([False, False, False, True], "unhealthy"),
        ([False, False, False, True, True], "healthy"),
    ],
)
def test_health_changes_after_as_many_answers_in_a_row_as_are_asked_for(answers: list[bool], state: str) -> None:
    assert _come_to(answers, state)


@pytest.mark.parametrize(
    ("question", "passed"),
    [
        (by_command(["true"], {"PATH": os.defpath}, 5), True),
        (by_command(["false"], {"PATH": os.defpath}, 5), False),
        (by_command(["sleep", "5"], {"PATH": os.defpath}, 0.1), False),
        (by_command(["no-such-program"], {"PATH": os.defpath}, 5), False),
        (over_http("127.0.0.1", 1, "/", "200", 1), False),
    ],
)
def test_a_check_that_fails_or_times_out_is_not_passed(question: Callable[[], bool], passed: bool) -> None:
    assert question() is passed
