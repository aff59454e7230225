"""Load balancers: each a Caddy at an address of its own, which sends requests to the targets that are healthy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coinquery.aws import Aws, pages
from coinquery.local import caddy, toolchain
from coinquery.local.checks import Check, over_http
from coinquery.local.controller.groups import Record, targets
from coinquery.local.controller.memory import remembered, watched
from coinquery.local.programs import Program
from coinquery.local.state import State

#: The first check comes this long after registration, in seconds; AWS spreads it over the interval.
FIRST_CHECK = 3.0


@dataclass(frozen=True)
class TargetGroup:
    """A target group of a load balancer: its checks and addresses (``host:port``) by instance id."""

    arn: str
    checks: Mapping[str, Check]
    addresses: Mapping[str, str]


@dataclass(frozen=True)
class Balancer:
    """A load balancer as it should be. ``id`` is the end of its ARN (``app/name/id``)."""

    id: str
    dns_name: str
    address: str
    target_groups: tuple[TargetGroup, ...]
    configuration: Mapping[str, Any]


@watched
def records(aws: Aws, region: str) -> list[Record]:
    """Every load balancer of a region."""
    return [dict(each) for each in pages(aws.elbv2(region), "describe_load_balancers", "LoadBalancers")]


def read(aws: Aws, state: State, addresses: Addresses, hosts: Mapping[str, str], region: str) -> Iterator[Balancer]:
    """The load balancers of a region. ``hosts`` holds the addresses of running instances by id."""
    for record in records(aws, region):
        arn, dns_name = record["LoadBalancerArn"], record["DNSName"].lower()
        address = addresses.of(dns_name)
        groups = tuple(_target_group(aws, region, group, hosts) for group in _target_groups(aws, region, arn))
        configuration = caddy.configuration(state, address, _listeners(aws, region, arn))
        yield Balancer(arn.partition(":loadbalancer/")[2], dns_name, address, groups, configuration)


class Addresses:
    """The addresses of the world's load balancers by DNS name, in ``balancers.json`` for the name server."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._file = state.root / "balancers.json"
        self._known: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._given = set(self._known.values())

    def of(self, dns_name: str) -> str:
        """The load balancer's address; a new one gets one that none had before."""
        if dns_name not in self._known:
            all_there_are = (self._state.address(200 + n // 250, 1 + n % 250) for n in range(50 * 250))
            self._known[dns_name] = next(address for address in all_there_are if address not in self._given)
            self._given.add(self._known[dns_name])
        return self._known[dns_name]

    def keep(self, dns_names: Iterable[str]) -> None:
        """Forget all others, and write the file."""
        self._known = {name: self._known[name] for name in dns_names}
        write(self._file, json.dumps(self._known, indent=2))


def program(state: State, balancer: Balancer) -> Program:
    """Its Caddy, which takes a changed configuration over by itself."""
    owner = balancer.id.replace("/", "-")
    file = state.folder(f"balancers/{owner}") / "caddy.json"
    write(file, json.dumps(balancer.configuration, indent=2))
    home = str(state.folder("caddy"))
    command = (str(toolchain.caddy()), "run", "--watch", "--config", str(file))
    return Program(f"{owner}/caddy", command, {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home})


def direct(state: State, group: TargetGroup, healthy: Iterable[str]) -> None:
    """Send requests to the healthy targets; to all of them if none is."""
    to = sorted(group.addresses[i] for i in healthy) or sorted(group.addresses.values())
    for number, slot in enumerate(caddy.slots(state, group.arn)):
        write(slot, to[number % len(to)] if to else "")


def write(file: Path, text: str) -> None:
    """Write a file in one step, if that changes it."""
    if not file.exists() or file.read_text() != text:
        fresh = file.with_name(f".{file.name}")
        fresh.write_text(text)
        fresh.replace(file)


@remembered
def _target_groups(aws: Aws, region: str, balancer: str) -> list[Record]:
    """The target groups to which the load balancer's rules forward."""
    rules = (rule for _, rules in _listeners(aws, region, balancer) for rule in rules)
    arns = sorted({a["TargetGroupArn"] for rule in rules for a in rule["Actions"] if a["Type"] == "forward"})
    client = aws.elbv2(region)
    return list(pages(client, "describe_target_groups", "TargetGroups", TargetGroupArns=arns)) if arns else []


@remembered
def _listeners(aws: Aws, region: str, balancer: str) -> list[tuple[Record, list[Record]]]:
    client = aws.elbv2(region)
    listeners = list(pages(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer))
    rules = (list(pages(client, "describe_rules", "Rules", ListenerArn=each["ListenerArn"])) for each in listeners)
    return list(zip(listeners, rules, strict=True))


def _target_group(aws: Aws, region: str, group: Record, hosts: Mapping[str, str]) -> TargetGroup:
    ports = {t["Id"]: t["Port"] for t in targets(aws, region, group["TargetGroupArn"]) if t["Id"] in hosts}
    checks = {i: _check(group, hosts[i], port) for i, port in ports.items()}
    return TargetGroup(group["TargetGroupArn"], checks, {i: f"{hosts[i]}:{port}" for i, port in ports.items()})


def _check(group: Record, host: str, port: int) -> Check:
    port = port if group["HealthCheckPort"] == "traffic-port" else int(group["HealthCheckPort"])
    codes, timeout = group["Matcher"]["HttpCode"], group["HealthCheckTimeoutSeconds"]
    ask = over_http(host, port, group["HealthCheckPath"], codes, timeout)
    passes, fails = group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]
    return Check(ask, group["HealthCheckIntervalSeconds"], passes, fails, FIRST_CHECK)
