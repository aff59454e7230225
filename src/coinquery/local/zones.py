"""What Route 53 refuses in a change batch and ministack does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml

from coinquery.aws import pages
from coinquery.local.calls import Call

if TYPE_CHECKING:
    from types_boto3_route53 import Route53Client

_NS = {"r": "https://route53.amazonaws.com/doc/2013-04-01/"}
_Key = tuple[str, str]


def problem(route53: Route53Client, call: Call) -> str:
    """Why AWS would refuse the batch, ``""`` if it would not (or if there is no such zone, which ministack says)."""
    zone_id = urlsplit(call.target).path.split("/hostedzone/")[1].split("/")[0]
    try:
        zone = route53.get_hosted_zone(Id=zone_id)["HostedZone"]["Name"]
    except route53.exceptions.NoSuchHostedZone:
        return ""
    changes = list(_changes(call.body))
    for _, (name, kind), _ in changes:
        if name != zone and not name.endswith("." + zone):
            return f"RRSet with DNS name {name} is not permitted in zone {zone} ({kind})"
    return _mixed(route53, zone_id, changes)


def alias_with_ttl(body: bytes) -> str:
    """What AWS says of a batch that gives an alias a TTL, ``""`` if none does."""
    for action, record in _records(body):
        if record.find("r:AliasTarget", _NS) is None or record.find("r:TTL", _NS) is None:
            continue
        name, kind = record.findtext("r:Name", "", _NS), record.findtext("r:Type", "", _NS)
        return (
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            "TrafficPolicyInstanceId], but found more than one in Change with "
            f"[Action={action}, Name={name}, Type={kind}]"
        )
    return ""


def _mixed(route53: Route53Client, zone_id: str, changes: list[tuple[str, _Key, str]]) -> str:
    """Play the batch over the zone's sets; name the first that would stand simple beside weighted."""
    touched = {key for _, key, _ in changes}
    standing = {
        (key, record.get("SetIdentifier", ""))
        for record in pages(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone_id)
        if (key := (record["Name"], record["Type"])) in touched
    }
    for action, key, identifier in changes:
        if action == "DELETE":
            standing.discard((key, identifier))
            continue
        standing.add((key, identifier))
        beside = {other for k, other in standing if k == key}
        if "" in beside and len(beside) > 1:
            return f"RRSet of type {key[1]} with DNS name {key[0]} is simple and weighted at once"
    return ""


def _changes(body: bytes) -> Iterator[tuple[str, _Key, str]]:
    """Action, (name, type) and set identifier of each change, the name as Route 53 writes it."""
    for action, record in _records(body):
        name = record.findtext("r:Name", "", _NS).lower().rstrip(".") + "."
        identifier = record.findtext("r:SetIdentifier", "", _NS)
        yield action, (name, record.findtext("r:Type", "", _NS)), identifier


def _records(body: bytes) -> Iterator[tuple[str, Xml.Element]]:
    """Action and record set of each change, as they were sent."""
    for change in Xml.fromstring(body).iterfind(".//r:Change", _NS):  # noqa: S314 - only this machine sends it
        record = change.find("r:ResourceRecordSet", _NS)
        if record is not None:
            yield change.findtext("r:Action", "", _NS), record
