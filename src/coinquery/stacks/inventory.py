"""Every stack of ours in every region, and which of them a record leads to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from coinquery.dns.names import leads
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.dns.names import Standing
    from coinquery.stacks.stack import Stack


def everywhere(aws: Aws, config: Config) -> list[Stack]:
    """All stacks of all configured regions, by name; the regions are asked at the same time."""
    clients = [aws.cloudformation(region) for region in config.regions]
    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        found = pool.map(lambda client: list(stacks.read_all(client)), clients)
        return sorted((stack for region in found for stack in region), key=lambda stack: stack.name)


def led_to(stacks: Iterable[Stack], standing: Standing) -> frozenset[str]:
    """The names of all stacks that any of the records leads to: two in the middle of a move."""
    return frozenset(str(stack.name) for stack in stacks if leads(standing, stack.outputs))


def leading(stacks: Iterable[Stack], standing: Standing) -> Stack | None:
    """The stack that the public record leads to; None if it leads to nothing or to nothing of ours."""
    alias = standing.public
    if alias is None:
        return None
    return next((stack for stack in stacks if alias.points_to(stack.outputs.get("LoadBalancerDnsName", ""))), None)
