"""A coin's public name for tests: a live stack and a standby, how it is looked at, and what can happen to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.dns.record import Alias
from coinquery.monitor import public_name
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.outlook import NameOutlook
from coinquery.monitor.standpoint import Standpoint
from coinquery.stacks import stack as stacks
from coinquery.stacks.protection import Protector
from coinquery.stacks.stack import Stack
from tests.coin_stacks import processes
from tests.teams import REGION, Team

OTHER_REGION = "eu-west-1"
POLICY = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}
BALANCER_ZONE = "Z35SXDOTRQ7X7K"


class Later:
    """A clock that is ahead."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a look never sleeps")


@dataclass
class Name:
    """A coin with a live stack and a standby, two instances each."""

    team: Team
    coin: str

    @property
    def public(self) -> str:
        return f"{self.coin}.example.com"

    @property
    def live(self) -> Stack:
        return self._stack(2)

    @property
    def standby(self) -> Stack:
        return self._stack(1)

    def _stack(self, number: int) -> Stack:
        stack = self.team.stack(f"cq-{self.coin}-{number:04}-prod")
        assert stack is not None
        return stack

    def standpoint(self, region: str = REGION, aws: Aws | None = None, **production: Any) -> Standpoint:
        """What the region's monitor has in one sweep; ``production`` changes how it looks from outside."""
        configuration = Configuration.from_config(self.team.config)
        assert configuration.production is not None
        changed = msgspec.structs.replace(configuration.production, **production)
        configuration = msgspec.structs.replace(configuration, production=changed)
        found = stacks.read_all(self.team.world.aws.cloudformation(region))
        production_stacks = {stack.name: stack for stack in found if stack.name.is_production}
        at = Standpoint.of(region, aws or self.team.world.aws, configuration, SystemClock(), production_stacks)
        assert at is not None
        return at

    def look(self, **production: Any) -> NameOutlook:
        """What the monitor of the live stack's region says."""
        seen = public_name.look(self.coin, self.standpoint(**production))
        assert seen is not None
        return seen

    def sweep(self) -> None:
        self.team.must("monitor", "run", "--once", "--region", REGION)

    def well(self) -> bool:
        """Whether there is nothing to say."""
        seen = self.look()
        return seen.answers is True and not seen.problems and not seen.way_back_problems

    def well_in_a_new_sweep(self) -> bool:
        self.sweep()
        return self.well()

    @property
    def server(self) -> str:
        return self.team.world.state.name_server

    def balancer(self, stack: Stack) -> str:
        balancers = json.loads((self.team.world.state.root / "balancers.json").read_text())
        return str(balancers[stack.outputs["LoadBalancerDnsName"].lower()])

    def instances(self, stack: Stack) -> list[str]:
        """The addresses of a stack's running instances."""
        reservations = self.team.world.aws.ec2(REGION).describe_instances(
            Filters=[
                {"Name": "tag:coinquery:stack", "Values": [str(stack.name)]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        return [i["PrivateIpAddress"] for r in reservations for i in r["Instances"]]

    def programs(self, instance: str, word: str) -> list[int]:
        """Process ids of an instance's programs whose command line has a word."""
        state = self.team.world.state
        return [pid for pid in processes(state, word) if pid in processes(state, instance)]

    def tellers(self) -> dict[str, NameOutlook]:
        """What each region's monitor says, where it says anything."""
        told = {region: public_name.look(self.coin, self.standpoint(region)) for region in (REGION, OTHER_REGION)}
        return {region: outlook for region, outlook in told.items() if outlook is not None}

    @contextlib.contextmanager
    def leading_to(self, target: str | None) -> Iterator[None]:
        """Somebody changes the record by hand, and changes it back."""
        zone = self.team.names(self.coin).public.zone
        before = zone.read(self.public)
        other = None if target is None else Alias(name=f"{self.public}.", target=target, target_zone=BALANCER_ZONE)
        zone.swap(self.public, before, other, "by hand")
        try:
            yield
        finally:
            zone.swap(self.public, other, before, "and back")


@contextlib.contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def listens(pid: int, address: str) -> bool:
    """Whether a process has a socket of its own at an address."""
    return address in _sockets(pid)


def _sockets(pid: int) -> set[str]:
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        ".".join(str(byte) for byte in bytes.fromhex(fields[1].partition(":")[0])[::-1])
        for fields in lines
        if fields[9] in inodes
    }


Switch = Callable[[Team, Stack, bool], None]


def _termination(team: Team, stack: Stack, on: bool) -> None:
    team.world.aws.cloudformation(REGION).update_termination_protection(
        StackName=str(stack.name), EnableTerminationProtection=on
    )


def _policy(team: Team, stack: Stack, on: bool) -> None:
    cloudformation = team.world.aws.cloudformation(REGION)
    if on:
        protector = Protector(cloudformation, team.world.aws.elbv2(REGION))
        protector.complete(stack.name, protector.read(stack.name))
    else:
        cloudformation.set_stack_policy(StackName=str(stack.name), StackPolicyBody=json.dumps(POLICY))


def _balancer(team: Team, stack: Stack, on: bool) -> None:
    team.world.aws.elbv2(REGION).modify_load_balancer_attributes(
        LoadBalancerArn=stack.outputs["InternalLoadBalancerArn"],
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "true" if on else "false"}],
    )


PROTECTIONS: Mapping[str, Switch] = {
    "termination protection": _termination,
    "stack policy": _policy,
    "deletion protection of arn:": _balancer,
}
