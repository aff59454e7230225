"""From anything that an alarm or a customer names to its stack: all regions are asked at once."""

from __future__ import annotations

import ipaddress
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinquery import aws as paging
from coinquery import naming
from coinquery.dns.record import canonical
from coinquery.errors import BadStackName
from coinquery.fleet import overview
from coinquery.stacks import instances, inventory
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.stacks.stack import Stack

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
    """What was found, and what could not be read where it may stand too."""

    matches: tuple[Match, ...]
    unreadable: tuple[str, ...] = ()


def find(aws: Aws, config: Config, anything: str) -> Found:
    """Every stack that an address, instance, volume, host name, URL, commit, release or stack name belongs to."""
    wanted = _bare(anything)
    found = {match for look in _ways(wanted) for match in look(aws, config, wanted)}
    gone, unreadable = _gone(aws, config, wanted, {match.stack for match in found})
    return Found(tuple(sorted(found | gone)), unreadable)


def _ways(wanted: str) -> list[Callable[[Aws, Config, str], Iterable[Match]]]:
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


def _by_instance(aws: Aws, config: Config, wanted: str) -> list[Match]:
    return _instances(aws, config, {"instance-id": wanted}, lambda i: i.id == wanted, "instance")


def _by_volume(aws: Aws, config: Config, wanted: str) -> list[Match]:
    filters = {"block-device-mapping.volume-id": wanted}
    return _instances(aws, config, filters, lambda i: wanted in i.volumes, "volume of")


def _by_address(aws: Aws, config: Config, wanted: str) -> list[Match]:
    private = _instances(aws, config, {"private-ip-address": wanted}, lambda i: i.address == wanted, "address of")
    public = _instances(aws, config, {"ip-address": wanted}, lambda i: i.public_address == wanted, "address of")
    return private + public + _by_interface(aws, config, wanted)


def _instances(
    aws: Aws, config: Config, filters: dict[str, str], fits: Callable[[instances.Instance], bool], because: str
) -> list[Match]:
    def look(region: str) -> list[Match]:
        found = instances.search(aws.ec2(region), {name: [value] for name, value in filters.items()})
        return [Match(i.stack, region, f"{because} {i.id}, {i.state}") for i in found if i.stack and fits(i)]

    return _everywhere(config, look)


def _by_interface(aws: Aws, config: Config, wanted: str) -> list[Match]:
    """Addresses of load balancers: their network interfaces name them."""

    def look(region: str) -> list[Match]:
        found: list[Match] = []
        for kind in ("addresses.private-ip-address", "addresses.association.public-ip"):
            filters = [{"Name": kind, "Values": [wanted]}]
            for item in paging.pages(
                aws.ec2(region), "describe_network_interfaces", "NetworkInterfaces", Filters=filters
            ):
                named = _BALANCER.match(item.get("Description", ""))
                if named and (item.get("PrivateIpAddress") == wanted or kind.endswith("public-ip")):
                    stack = named[1].removesuffix(naming.INTERNAL_SUFFIX)
                    found.append(Match(stack, region, f"address of load balancer {named[1]}"))
        return found

    return _everywhere(config, look)


def _by_host(aws: Aws, config: Config, wanted: str) -> list[Match]:
    stacks, host = inventory.everywhere(aws, config), canonical(wanted)
    found = [
        Match(str(stack.name), stack.region, f"{key} of the stack")
        for stack in stacks
        for key in ("LoadBalancerDnsName", "InternalLoadBalancerDnsName")
        if canonical(stack.outputs.get(key, "")) == host
    ]
    return found + _by_public_name(aws, config, stacks, host)


def _by_public_name(aws: Aws, config: Config, stacks: Iterable[Stack], host: str) -> list[Match]:
    found = []
    for level_name, level in config.levels.items():
        for coin in config.catalogue:
            names = (level.name.format(coin=coin.ticker), (level.private_name or "").format(coin=coin.ticker))
            if host in names:
                own = [s for s in stacks if (s.name.coin, s.name.level) == (coin.ticker, level_name)]
                standing = overview.standings(aws, config, own).get((coin.ticker, level_name))
                live = standing and inventory.leading(own, standing)
                found += [Match(str(live.name), live.region, f"{host} leads to it")] if live else []
    return found


def _by_label(aws: Aws, config: Config, wanted: str) -> list[Match]:
    """Stack names, releases and commits of standing stacks."""
    stacks = inventory.everywhere(aws, config)
    return [Match(str(s.name), s.region, why) for s in stacks if (why := _label(wanted, s.name, s.release, s.commit))]


def _gone(aws: Aws, config: Config, wanted: str, standing: set[str]) -> tuple[set[Match], tuple[str, ...]]:
    """The same of stacks that are gone, from the ledger, which forgets nothing; and what of it can't be read."""
    if _by_label not in _ways(wanted):
        return set(), ()
    entries, unreadable = Ledger(ParameterStore(aws.ssm(config.home_region))).legible()
    found = {
        Match(str(name), entry.region, f"{why}; it does not stand any more")
        for name, entry in entries.items()
        if (why := _label(wanted, name, entry.release, entry.commit)) and str(name) not in standing
    }
    return found, unreadable


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


def _everywhere(config: Config, look: Callable[[str], list[Match]]) -> list[Match]:
    with ThreadPoolExecutor(max_workers=len(config.regions)) as pool:
        return [match for found in pool.map(look, config.regions) for match in found]
