"""The instances of a stack, as EC2 says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import aws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef

    from coinquery.naming import StackName


@dataclass(frozen=True)
class Instance:
    """One EC2 machine of a stack."""

    id: str
    stack: str
    state: str
    address: str
    public_address: str
    launched: datetime
    zone: str
    volumes: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether it runs, as opposed to starting or ending."""
        return self.state == "running"


def of_stack(ec2: EC2Client, name: StackName) -> dict[str, Instance]:
    """Every instance of a stack that has not ended, by its id."""
    found = search(ec2, {"tag:coinquery:stack": [str(name)]})
    return {instance.id: instance for instance in found if instance.stack == str(name) and not _has_ended(instance)}


def search(ec2: EC2Client, filters: Mapping[str, Sequence[str]]) -> Iterator[Instance]:
    """Every instance that matches EC2's filters, all pages."""
    wanted: list[FilterTypeDef] = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
    for reservation in aws.pages(ec2, "describe_instances", "Reservations", Filters=wanted):
        yield from (_instance(described) for described in reservation.get("Instances", ()))


def _has_ended(instance: Instance) -> bool:
    return instance.state in ("shutting-down", "terminated", "stopping", "stopped")


def _instance(described: InstanceTypeDef) -> Instance:
    tags = {tag["Key"]: tag.get("Value", "") for tag in described.get("Tags", ()) if "Key" in tag}
    mappings = described.get("BlockDeviceMappings", ())
    return Instance(
        id=described.get("InstanceId", ""),
        stack=tags.get("coinquery:stack", ""),
        state=described.get("State", {}).get("Name", "unknown"),
        address=described.get("PrivateIpAddress", ""),
        public_address=described.get("PublicIpAddress", ""),
        launched=described["LaunchTime"],
        zone=described.get("Placement", {}).get("AvailabilityZone", ""),
        volumes=tuple(m["Ebs"]["VolumeId"] for m in mappings if "VolumeId" in m.get("Ebs", {})),
    )
