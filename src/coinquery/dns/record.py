"""An alias record, and how two of them compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from types_boto3_route53.type_defs import ResourceRecordSetTypeDef


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """An A record that is an alias to a load balancer, exactly as Route 53 gives it.

    To DELETE a record set every value must match, so nothing is normalised here; ``points_to`` compares loosely.
    """

    name: str
    target: str
    target_zone: str
    evaluate_health: bool = False

    def points_to(self, host: str) -> bool:
        """Whether the alias leads to the load balancer of that DNS name."""
        return canonical(self.target) == canonical(host)

    def record_set(self) -> ResourceRecordSetTypeDef:
        """The record set as Route 53 takes it."""
        return {
            "Name": self.name,
            "Type": "A",
            "AliasTarget": {
                "HostedZoneId": self.target_zone,
                "DNSName": self.target,
                "EvaluateTargetHealth": self.evaluate_health,
            },
        }


def canonical(host: str) -> str:
    """A host name as names compare: lower case, without the trailing dot and Route 53's ``dualstack.`` prefix."""
    return host.lower().rstrip(".").removeprefix("dualstack.")
