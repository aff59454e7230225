"""Every stack of ours in every region, and which of them a record leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import naming, regions
from coinquery.dns.names import KINDS
from coinquery.dns.record import canonical
from coinquery.errors import BadStackName
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coinquery.aws import Aws
    from coinquery.dns.names import Standing
    from coinquery.dns.record import Alias
    from coinquery.errors import CoinQueryError
    from coinquery.stacks.stack import Stack

#: The DNS name of a load balancer: its own name, a number, and its region ("DNSName", Elastic Load Balancing API).
_BALANCER = re.compile(r"(?:internal-)?([a-z0-9-]+)-[0-9a-z]+\.([a-z0-9-]+)\.elb\.amazonaws\.com(?:\.cn)?", re.ASCII)


@dataclass(frozen=True)
class Inventory:
    """The stacks of the regions that answered, by name, and why the others did not."""

    stacks: tuple[Stack, ...]
    unanswered: Mapping[str, CoinQueryError]

    def find(self, name: str) -> Stack | None:
        """A stack by its name; raise why a region did not answer where the stack may stand."""
        found = next((stack for stack in self.stacks if str(stack.name) == name), None)
        if found is None:
            regions.refuse_unanswered(self.unanswered)
        return found

    def named(self, alias: Alias | None) -> naming.StackName | None:
        """The stack that an alias leads to."""
        found = self.located(alias)
        return None if found is None else found[0]

    def located(self, alias: Alias | None) -> tuple[naming.StackName, str] | None:
        """The stack that an alias leads to, and its region; if that did not answer, the load balancer's name tells."""
        if alias is None:
            return None
        for stack in self.stacks:
            if any(alias.points_to(host) for host in stack.hosts):
                return stack.name, stack.region
        told = told_by(alias.target)
        return told if told is not None and told[1] in self.unanswered else None

    def led_to(self, standing: Standing) -> frozenset[str]:
        """The names of all stacks that any of the records leads to: two in the middle of a move."""
        return frozenset(str(name) for kind in KINDS if (name := self.named(standing.of(kind))) is not None)


def survey(aws: Aws, where: Iterable[str], patience: float | None = regions.PATIENCE) -> Inventory:
    """The stacks of these regions, which are asked at the same time; raise why, where none answers."""
    answers = regions.ask(where, lambda region: list(stacks.read_all(aws.cloudformation(region))), patience)
    found = (stack for region in answers.given.values() for stack in region)
    return Inventory(tuple(sorted(found, key=lambda stack: stack.name)), answers.unanswered)


def everywhere(aws: Aws, where: Iterable[str]) -> tuple[Stack, ...]:
    """The stacks of these regions, by name, however long one takes; raise why one does not answer."""
    found = survey(aws, where, None)
    regions.refuse_unanswered(found.unanswered)
    return found.stacks


def leading(stacks: Iterable[Stack], standing: Standing) -> Stack | None:
    """The stack that the public record leads to; None if it leads to nothing or to nothing of ours."""
    alias = standing.public
    if alias is None:
        return None
    return next((stack for stack in stacks if alias.points_to(stack.outputs.get("LoadBalancerDnsName", ""))), None)


def told_by(host: str) -> tuple[naming.StackName, str] | None:
    """The stack whose load balancer has a DNS name, and its region, as the DNS name itself tells."""
    told = _BALANCER.fullmatch(canonical(host))
    try:
        return None if told is None else (naming.parse(told[1].removesuffix(naming.INTERNAL_SUFFIX)), told[2])
    except BadStackName:
        return None
