"""From anything that an alarm or a customer names to its stack: all regions are asked at once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinquery import aws as paging
from coinquery import naming, regions
from coinquery.dns.record import canonical
from coinquery.errors import BadStackName
from coinquery.fleet import overview
from coinquery.stacks import instances, inventory
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.errors import CoinQueryError
    from coinquery.stacks.inventory import Inventory

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}", re.ASCII)
_VOLUME = re.compile(r"vol-[0-9a-f]{8,17}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,40}", re.ASCII)
_BALANCER = re.compile(r"ELB app/([a-z0-9-]+)/")


@dataclass(frozen=True, order=True)
class Match:
    """A stack that something belongs to, and in what way. ``region`` is where it is, or was."""

    stack: str
    region: str
    because: str


@dataclass(frozen=True)
class Found:
    """What was found; and what could not be read, and why regions did not answer, where it may stand too."""

    matches: tuple[Match, ...]
    unreadable: tuple[str, ...]
    unanswered: Mapping[str, CoinQueryError]


@dataclass
class _Search:
    """One search; ``unanswered`` gathers why regions did not answer."""

    aws: Aws
    config: Config
    wanted: str
    unanswered: dict[str, CoinQueryError] = field(default_factory=dict)

    @cached_property
    def inventory(self) -> Inventory:
        """The stacks of the regions that answer."""
        found = inventory.survey(self.aws, self.config.regions)
        self.unanswered |= found.unanswered
        return found

    def in_each_region(self, look: Callable[[str], list[Match]]) -> list[Match]:
        """What ``look`` finds in the regions that answer."""
        answers = regions.ask(self.config.regions, look)
        self.unanswered |= answers.unanswered
        return [match for found in answers.given.values() for match in found]


def find(aws: Aws, config: Config, anything: str) -> Found:
    """Every stack that an address, instance, volume, host name, URL, commit, release or stack name belongs to.

    Raises why, where no region answers.
    """
    search = _Search(aws, config, _bare(anything))
    found = {match for look in _ways(search.wanted) for match in look(search)}
    gone, unreadable = _gone(search, {match.stack for match in found})
    return Found(tuple(sorted(found | gone)), unreadable, search.unanswered)


def _ways(wanted: str) -> list[Callable[[_Search], Iterable[Match]]]:
    if _INSTANCE.fullmatch(wanted):
        return [_by_instance]
    if _VOLUME.fullmatch(wanted):
        return [_by_volume]
    if _is_address(wanted):
        return [_by_address]
    if "." in wanted:
        return [_by_host, _by_label]
    return [_by_label]


def _bare(anything: str) -> str:
    """What is meant, without the dress of an URL or a port."""
    text = anything.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host = parts.hostname if "://" in text or parts.port is not None else text
    except ValueError:
        host = text
    return (host or text).lower().rstrip(".")


def _by_instance(search: _Search) -> list[Match]:
    return search.in_each_region(
        lambda region: _instances(search, region, "instance-id", lambda i: (i.id,), "instance"),
    )


def _by_volume(search: _Search) -> list[Match]:
    return search.in_each_region(
        lambda region: _instances(search, region, "block-device-mapping.volume-id", lambda i: i.volumes, "volume of")
    )


def _by_address(search: _Search) -> list[Match]:
    def look(region: str) -> list[Match]:
        private = _instances(search, region, "private-ip-address", lambda i: (i.address,), "address of")
        public = _instances(search, region, "ip-address", lambda i: (i.public_address,), "address of")
        return [*private, *public, *_interfaces(search, region)]

    return search.in_each_region(look)


def _instances(
    search: _Search, region: str, name: str, of: Callable[[instances.Instance], Collection[str]], because: str
) -> list[Match]:
    """The instances in a region that EC2's filter finds and that have what is looked for."""
    found = instances.search(search.aws.ec2(region), {name: [search.wanted]})
    fitting = (i for i in found if i.stack and search.wanted in of(i))
    return [Match(i.stack, region, f"{because} {i.id}, {i.state}") for i in fitting]


def _interfaces(search: _Search, region: str) -> Iterator[Match]:
    """Addresses of load balancers: their network interfaces name them. Those of no stack's name are not ours."""
    ec2, wanted = search.aws.ec2(region), search.wanted
    for kind in ("addresses.private-ip-address", "addresses.association.public-ip"):
        filters = [{"Name": kind, "Values": [wanted]}]
        for item in paging.pages(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=filters):
            named = _BALANCER.match(item.get("Description", ""))
            stack = _stack_name(named[1].removesuffix(naming.INTERNAL_SUFFIX)) if named else None
            if named and stack and (item.get("PrivateIpAddress") == wanted or kind.endswith("public-ip")):
                yield Match(str(stack), region, f"address of load balancer {named[1]}")


def _by_host(search: _Search) -> list[Match]:
    host = canonical(search.wanted)
    found = [
        Match(str(stack.name), stack.region, f"{key} of the stack")
        for stack in search.inventory.stacks
        for key in ("LoadBalancerDnsName", "InternalLoadBalancerDnsName")
        if canonical(stack.outputs.get(key, "")) == host
    ]
    return found + _by_record(search, host)


def _by_record(search: _Search, host: str) -> list[Match]:
    """Where the public or private name leads that is called so; in the middle of a move they lead to two stacks."""
    found: list[Match] = []
    for level_name, level in search.config.levels.items():
        for coin in search.config.catalogue:
            patterns = {"public": level.name, "private": level.private_name or ""}
            for kind in (kind for kind, pattern in patterns.items() if pattern.format(coin=coin.ticker) == host):
                standing = overview.standing(search.aws, search.config, coin.ticker, level_name)
                led = None if standing is None else search.inventory.located(standing.of(kind))
                found += [] if led is None else [Match(str(led[0]), led[1], f"{host} leads to it")]
    return found


def _by_label(search: _Search) -> list[Match]:
    """Stack names, releases and commits of standing stacks."""
    return [
        Match(str(stack.name), stack.region, why)
        for stack in search.inventory.stacks
        if (why := _label(search.wanted, stack.name, stack.release, stack.commit))
    ]


def _gone(search: _Search, standing: set[str]) -> tuple[set[Match], tuple[str, ...]]:
    """The same of stacks that do not stand, from the ledger, which forgets nothing; and what of it can't be read."""
    if _by_label not in _ways(search.wanted):
        return set(), ()
    entries, unreadable = Ledger(ParameterStore(search.aws.ssm(search.config.home_region))).legible()
    found = {
        Match(str(name), entry.region, f"{why}; {_fate(entry.region, search)}")
        for name, entry in entries.items()
        if (why := _label(search.wanted, name, entry.release, entry.commit)) and str(name) not in standing
    }
    return found, unreadable


def _fate(region: str, search: _Search) -> str:
    if region not in search.config.regions:
        return f"cq.toml has no level that uses {region}, so nobody looked there"
    return f"{region} does not say whether it stands" if region in search.unanswered else "it does not stand any more"


def _label(wanted: str, name: naming.StackName, release: str, commit: str) -> str:
    if _stack_name(wanted) == name:
        return "its name"
    if wanted == release.lower():
        return f"release {release}"
    return f"commit {commit}" if _COMMIT.fullmatch(wanted) and commit.startswith(wanted) else ""


def _stack_name(text: str) -> naming.StackName | None:
    try:
        return naming.parse(text)
    except BadStackName:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
