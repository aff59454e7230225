"""The records of one coin and level: a public one and, where configured, a private one, moved together (I9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.dns.record import Alias, canonical
from coinquery.dns.zone import Zone, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_route53 import Route53Client

    from coinquery.config import Level
    from coinquery.stacks.stack import Stack


KINDS = ("public", "private")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for a coin's names at one time, or should: an alias each, None for no record.

    Both are what the way back keeps.
    """

    public: Alias | None
    private: Alias | None = None

    def of(self, kind: str) -> Alias | None:
        """The alias of one kind, ``public`` or ``private``."""
        return self.public if kind == "public" else self.private

    def is_same(self, other: Standing) -> bool:
        """Whether every record leads where it leads there, however AWS writes it."""
        return all(same(self.of(kind), other.of(kind)) for kind in KINDS)

    def describe(self, names: Names) -> str:
        """Where each name leads, for people."""
        led = ((record.name, self.of(record.kind)) for record in names.records())
        return "; ".join(f"{name} from {'nothing' if one is None else canonical(one.target)}" for name, one in led)


@dataclass(frozen=True)
class Record:
    """One name in one zone."""

    kind: str
    name: str
    zone: Zone


class Names:
    """The public and, if configured, the private name of a coin at a level."""

    def __init__(self, route53: Route53Client, level: Level, coin: str) -> None:
        self.public = Record("public", level.name.format(coin=coin), Zone(route53, level.public_zone))
        self.private: Record | None = None
        if level.private_zone is not None and level.private_name is not None:
            self.private = Record("private", level.private_name.format(coin=coin), Zone(route53, level.private_zone))

    def check(self) -> tuple[str, ...]:
        """Make sure that the zones are ours and hold the names; return the public zone's name servers."""
        if self.private is not None:
            self.private.zone.check("private", self.private.name)
        return self.public.zone.check("public", self.public.name)

    def read(self) -> Standing:
        """What stands there now."""
        return Standing(public=_read(self.public), private=None if self.private is None else _read(self.private))

    def target(self, stack: Stack) -> Standing:
        """The records that lead to a stack; raise Unreadable where its outputs name no load balancer."""
        public = _alias(self.public.name, stack, "LoadBalancer")
        if self.private is None:
            return Standing(public=public)
        return Standing(public=public, private=_alias(self.private.name, stack, "InternalLoadBalancer"))

    def leads_to(self, outputs: Mapping[str, str]) -> bool:
        """Whether any of the names leads to the stack of these outputs."""
        return leads(self.read(), outputs)

    def move(
        self, old: Standing, new: Standing, comment: str, before: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        """Move what is not yet there from exactly ``old`` to ``new``; return change ids by kind.

        One batch is one zone: if the public record can't be moved, whatever the reason, the private one is put back
        before the error goes on. ``before`` is called right before each batch, and may refuse it. Raises RecordMoved.
        """
        changes: dict[str, str] = {}
        if self.private is not None and not same(_read(self.private), new.private):
            before()
            changes["private"] = self.private.zone.swap(self.private.name, old.private, new.private, comment)
        try:
            if not same(_read(self.public), new.public):
                before()
                changes["public"] = self.public.zone.swap(self.public.name, old.public, new.public, comment)
        except Exception:
            if self.private is not None and "private" in changes and not same(_read(self.public), new.public):
                self.private.zone.swap(self.private.name, new.private, old.private, "put back: " + comment)
            raise
        return changes

    def records(self) -> tuple[Record, ...]:
        """The names, private first: the order in which they are moved."""
        return (self.public,) if self.private is None else (self.private, self.public)


def leads(standing: Standing, outputs: Mapping[str, str]) -> bool:
    """Whether any of the records leads to the stack of these outputs; a stack without outputs is led to by none."""
    balancers = {outputs.get("LoadBalancerDnsName"), outputs.get("InternalLoadBalancerDnsName")} - {None, ""}
    aliases = [alias for alias in (standing.public, standing.private) if alias is not None]
    return any(alias.points_to(str(balancer)) for alias in aliases for balancer in balancers)


def _read(record: Record) -> Alias | None:
    return record.zone.read(record.name)


def _alias(name: str, stack: Stack, balancer: str) -> Alias:
    return Alias(
        name=canonical(name) + ".",
        target=stack.output(f"{balancer}DnsName"),
        target_zone=stack.output(f"{balancer}ZoneId"),
    )
