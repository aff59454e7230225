"""A CloudFormation stack of ours as AWS describes it, and how to read one or all of a region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import aws, naming, stored
from coinquery.errors import BadStackName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

TAG = "coinquery:"
#: Digits of the largest number of instances.
LONGEST_COUNT = 3
#: How a stack is that nothing is being done to and that can be built on.
COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class Stack:
    """One stack. ``tags`` are ours, without their prefix; ``protected`` is its termination protection."""

    name: naming.StackName
    region: str
    arn: str
    status: str
    protected: bool
    created: datetime
    tags: dict[str, str]
    outputs: dict[str, str]
    parameters: dict[str, str]

    @property
    def rollout(self) -> str:
        """The rollout that made the stack, ``""`` if its tags do not say."""
        return self.tags.get("rollout", "")

    @property
    def release(self) -> str:
        """The release that the stack was made for."""
        return self.tags.get("release", "")

    @property
    def commit(self) -> str:
        """The commit that its instances must answer with."""
        return self.tags.get("commit", "")

    @property
    def failed(self) -> bool:
        """Whether it can't become complete any more."""
        return self.status.startswith(("ROLLBACK", "DELETE")) or self.status.endswith("FAILED")

    @property
    def standing(self) -> bool:
        """Whether it is complete and nothing is being done to it."""
        return self.status in COMPLETE

    @property
    def instances(self) -> int:
        """How many instances it must have; 0 where its parameters don't say, which is never taken for enough."""
        count = self.parameters.get("InstanceCount", "")
        return int(count) if count.isascii() and count.isdecimal() and len(count) <= LONGEST_COUNT else 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """The DNS names of its load balancers."""
        keys = ("LoadBalancerDnsName", "InternalLoadBalancerDnsName")
        return tuple(host for key in keys if (host := self.outputs.get(key)))

    def output(self, key: str) -> str:
        """An output that must be there; raise Unreadable where it is not."""
        value = self.outputs.get(key)
        if not value:
            look = f"aws cloudformation describe-stacks --region {self.region} --stack-name {self.name}"
            raise stored.unreadable(f"stack {self.name}", f"it has no output {key}", look)
        return value


def read(cloudformation: CloudFormationClient, name: naming.StackName) -> Stack | None:
    """The stack of that name in the client's region; None if there is none (deleted ones do not count)."""
    described = describe(cloudformation, str(name))
    return None if described is None else _stack(described, name, cloudformation.meta.region_name)


def read_all(cloudformation: CloudFormationClient) -> Iterator[Stack]:
    """Every stack of the client's region whose name is a stack name, all pages."""
    for described in aws.pages(cloudformation, "describe_stacks", "Stacks"):
        try:
            name = naming.parse(described["StackName"])
        except BadStackName:
            continue
        if described["StackStatus"] != "DELETE_COMPLETE":
            yield _stack(described, name, cloudformation.meta.region_name)


def describe(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """What CloudFormation says of a stack by any name, None if it has none."""
    from botocore.exceptions import ClientError

    try:
        stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if aws.code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return next((stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"), None)


def outputs(described: StackTypeDef) -> dict[str, str]:
    """The outputs of a stack that was described, by name."""
    return {o.get("OutputKey", ""): o.get("OutputValue", "") for o in described.get("Outputs", ())}


def _stack(described: StackTypeDef, name: naming.StackName, region: str) -> Stack:
    return Stack(
        name=name,
        region=region,
        arn=described.get("StackId", ""),
        status=described["StackStatus"],
        protected=described.get("EnableTerminationProtection", False),
        created=described["CreationTime"],
        tags={
            tag["Key"].removeprefix(TAG): tag["Value"]
            for tag in described.get("Tags", ())
            if tag["Key"].startswith(TAG)
        },
        outputs=outputs(described),
        parameters={p.get("ParameterKey", ""): p.get("ParameterValue", "") for p in described.get("Parameters", ())},
    )
