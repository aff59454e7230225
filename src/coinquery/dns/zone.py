"""One hosted zone, by its id: what stands there for a name, and a compare-and-swap on it."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from coinquery import aws
from coinquery.dns.record import Alias, canonical
from coinquery.errors import AwsUnreachable, BadConfiguration, RecordMoved, RecordUnfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_route53 import Route53Client
    from types_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetTypeDef

#: What a simple alias does not have, and a batch that leaves it out would not match.
_UNFIT = {"SetIdentifier", "HealthCheckId"}
_OCTAL = re.compile(r"\\([0-7]{3})")


class Zone:
    """A hosted zone of ours. Every method may raise BadConfiguration if the zone or the name is not ours."""

    def __init__(self, route53: Route53Client, zone_id: str) -> None:
        self._route53 = route53
        self.id = zone_id

    def check(self, kind: str, name: str) -> tuple[str, ...]:
        """Make sure that the zone is ours, public or private as ``kind`` says, and holds the name.

        Return its name servers (none for a private zone).
        """
        try:
            answer = self._route53.get_hosted_zone(Id=self.id)
        except self._route53.exceptions.NoSuchHostedZone:
            raise self._missing() from None
        domain = canonical(answer["HostedZone"]["Name"])
        if not (name == domain or name.endswith("." + domain)):
            raise BadConfiguration(
                f"{name} does not belong in hosted zone {self.id}, which is {domain}",
                "Correct the level's name or its zone id in cq.toml.",
            )
        actual = "private" if answer["HostedZone"].get("Config", {}).get("PrivateZone") else "public"
        if actual != kind:
            raise BadConfiguration(
                f"hosted zone {self.id} is {actual}, and cq.toml has it as {kind}_zone",
                f"Give the id of the {kind} zone of {domain}.",
            )
        return tuple(answer.get("DelegationSet", {}).get("NameServers", ()))

    def read(self, name: str) -> Alias | None:
        """The alias that stands for the name, None if nothing does; raise RecordUnfit for any other record."""
        standing = [record for record in self._records(name) if record["Type"] in ("A", "AAAA", "CNAME")]
        if not standing:
            return None
        record = standing[0]
        target = record.get("AliasTarget")
        if len(standing) > 1 or record["Type"] != "A" or target is None or record.keys() & _UNFIT:
            shapes = ", ".join(f"{r['Type']} {r.get('SetIdentifier', '')}".strip() for r in standing)
            raise RecordUnfit(
                f"{name} in zone {self.id} is no single alias record: {shapes}",
                "cq moves one simple alias A record. Replace what stands there by hand, then run the same command "
                "again.",
            )
        return Alias(
            name=record["Name"],
            target=target["DNSName"],
            target_zone=target["HostedZoneId"],
            evaluate_health=target["EvaluateTargetHealth"],
        )

    def swap(self, name: str, old: Alias | None, new: Alias | None, comment: str) -> str:
        """Replace ``old`` by ``new`` in one batch; return the id of the change, ``""`` if ``new`` stands there already.

        The record is read first, so that it is deleted exactly as Route 53 has it. Raises RecordMoved if something
        else than ``old`` stands there, or comes to stand there before the batch.
        """
        standing = self.read(name)
        if not same(standing, old):
            return self._judge(name, standing, new, "it was not what was expected")
        changes: list[ChangeTypeDef] = []
        if standing is not None:
            changes.append({"Action": "DELETE", "ResourceRecordSet": standing.record_set()})
        if new is not None:
            changes.append({"Action": "CREATE", "ResourceRecordSet": new.record_set()})
        try:
            answer = self._route53.change_resource_record_sets(
                HostedZoneId=self.id, ChangeBatch={"Comment": comment[:256], "Changes": changes}
            )
        except self._route53.exceptions.InvalidChangeBatch as error:
            standing = self.read(name)
            if same(standing, old) and not same(standing, new):
                raise AwsUnreachable(
                    f"Route 53 refused to change {name} in zone {self.id} and shows what it was to change: {error}",
                    "Either it shows late what was done, or the batch was wrong. Run the same command again: it looks.",
                ) from error
            return self._judge(name, standing, new, str(error))
        return answer["ChangeInfo"]["Id"]

    def is_in_sync(self, change: str) -> bool:
        """Whether all of Amazon's name servers have a change; one that Route 53 has forgotten is long in sync."""
        try:
            return self._route53.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC"
        except self._route53.exceptions.NoSuchChange:
            return True

    def leading_to(self, is_wanted: Callable[[str], bool]) -> tuple[str, ...]:
        """Every name in the zone whose alias or CNAME leads to a host that is wanted."""
        return tuple(_plain(record["Name"]) for record in self._listed() if any(map(is_wanted, _targets(record))))

    def _judge(self, name: str, standing: Alias | None, new: Alias | None, why: str) -> str:
        """A batch may have been replayed after a lost answer: then what was wanted stands there."""
        if same(standing, new):
            return ""
        raise RecordMoved(
            f"{name} in zone {self.id} was changed by someone else: it points to "
            f"{'nothing' if standing is None else canonical(standing.target)} ({why})",
            "Nothing was changed in this zone. Talk to whoever moved it: CloudTrail says who, `cq dns show` what leads "
            "where. Then run the same command again.",
        )

    def _missing(self) -> BadConfiguration:
        return BadConfiguration(
            f"hosted zone {self.id} is not in this account", "Correct the zone id in cq.toml; names are no ids."
        )

    def _records(self, name: str) -> list[ResourceRecordSetTypeDef]:
        return list(takewhile(lambda record: _plain(record["Name"]) == name, self._listed(StartRecordName=name)))

    def _listed(self, **start: str) -> Iterator[ResourceRecordSetTypeDef]:
        operation, key = "list_resource_record_sets", "ResourceRecordSets"
        try:
            yield from aws.pages(self._route53, operation, key, HostedZoneId=self.id, **start)
        except self._route53.exceptions.NoSuchHostedZone:
            raise self._missing() from None


def same(one: Alias | None, other: Alias | None) -> bool:
    """Whether two records lead to the same place."""
    if one is None or other is None:
        return one is other
    return one.points_to(other.target)


def _targets(record: ResourceRecordSetTypeDef) -> Iterator[str]:
    """The host names that a record leads to."""
    yield canonical(record.get("AliasTarget", {}).get("DNSName", ""))
    if record["Type"] == "CNAME":
        yield from (canonical(value["Value"]) for value in record.get("ResourceRecords", ()))


def _plain(name: str) -> str:
    return canonical(_OCTAL.sub(lambda match: chr(int(match[1], 8)), name))
