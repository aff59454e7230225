"""What the monitor looks at: a region's production instances and nothing else (I15). It only describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coinquery import aws, naming
from coinquery.errors import BadStackName
from coinquery.monitor.instance_pages import lean

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

NAME_PATTERN = "cq-*-prod*"
STATES = ("pending", "running")
TAG = "coinquery:"
#: Instances a page, as many as EC2 allows; without a number it may give all at once, or time out.
PAGE = 1000


@dataclass(frozen=True)
class Instance:
    """One EC2 machine of a production stack, as its tags say. ``address`` is private, ``""`` while it has none."""

    id: str
    stack: naming.StackName
    address: str
    launched: datetime
    release: str | None
    commit: str


def find(ec2: EC2Client) -> Iterator[Instance]:
    """Every production instance of the client's region, all pages.

    The filter spares AWS and us the others; what decides is ``of_production``, since a filter can match more than was
    meant, and one AWS API or another ignores it.
    """
    reservations = aws.pages(
        ec2,
        "describe_instances",
        "Reservations",
        MaxResults=PAGE,
        Filters=[
            {"Name": "tag:Name", "Values": [NAME_PATTERN]},
            {"Name": "instance-state-name", "Values": list(STATES)},
        ],
    )
    with lean(ec2):
        for reservation in reservations:
            for described in reservation.get("Instances", ()):
                instance = of_production(described)
                if instance is not None:
                    yield instance


def of_production(described: Mapping[str, Any]) -> Instance | None:
    """The instance, if it is one of production: by its name, its stack's tag and its state; otherwise None."""
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
    name = tags.get("Name", "")
    try:
        stack = naming.parse(name)
    except BadStackName:
        return None
    state = described.get("State", {}).get("Name")
    if not stack.is_production or tags.get(TAG + "stack") != name or state not in STATES:
        return None
    return Instance(
        id=described["InstanceId"],
        stack=stack,
        address=described.get("PrivateIpAddress") or "",
        launched=described["LaunchTime"],
        release=tags.get(TAG + "release"),
        commit=tags.get(TAG + "commit", ""),
    )
