"""Auto Scaling groups: as many instance records as each wants, with addresses, registered in its target groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coinquery.aws import Aws, pages
from coinquery.local.controller.memory import forget, remembered, watched
from coinquery.local.state import State

GROUP_TAG, STACK_TAG = "aws:autoscaling:groupName", "aws:cloudformation:stack-name"
Record = dict[str, Any]


@dataclass(frozen=True)
class Instance:
    """One machine of a group. ``user_data`` is its launch template's, base64 as the API gives it."""

    id: str
    address: str
    region: str
    group: str
    user_data: str


@watched
def records(aws: Aws, region: str) -> list[Record]:
    """Every instance record of a region, also of those terminated within the last minute."""
    return [i for r in pages(aws.ec2(region), "describe_instances", "Reservations") for i in r["Instances"]]


def reconcile(aws: Aws, region: str, state: State, found: Sequence[Record], taken: set[str]) -> list[Instance]:
    """Launch what a region's groups lack, terminate what they no longer want; return the instances that stay.

    An instance too many first leaves the target groups, and stays for one more pass. ``found`` are the region's
    records, ``taken`` the addresses in use in the whole world, to which new ones are added. Groups that no stack made
    are left alone. Raises what boto3 raises.
    """
    members = _members(found)
    kept = []
    for group in (each for each in _groups(aws, region) if STACK_TAG in tags(each)):
        name, used = group["AutoScalingGroupName"], group["LaunchTemplate"]
        template = _template(aws, region, used["LaunchTemplateId"], used["Version"])
        present = members.pop(name, [])
        wanted = present[: group["DesiredCapacity"]]
        for _ in range(group["DesiredCapacity"] - len(wanted)):
            wanted.append(_launch(aws, region, group, template, _free_address(state, taken, wanted)))
        left = _register(aws, region, group, wanted)
        surplus = present[len(wanted) :]
        _terminate(aws, region, [r for r in surplus if r["InstanceId"] not in left])
        staying = [*wanted, *(r for r in surplus if r["InstanceId"] in left)]
        kept += [Instance(r["InstanceId"], r["PrivateIpAddress"], region, name, template["UserData"]) for r in staying]
    for orphans in members.values():
        _terminate(aws, region, orphans)
    return kept


def _members(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The running instances by the name of their group, oldest first."""
    members: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record["LaunchTime"]):
        group = tags(record).get(GROUP_TAG)
        if group and record["State"]["Name"] in ("pending", "running"):
            members.setdefault(group, []).append(record)
    return members


def tags(record: Record) -> dict[str, str]:
    """The tags of a record by key."""
    return {tag["Key"]: tag["Value"] for tag in record.get("Tags", ())}


@watched
def _groups(aws: Aws, region: str) -> list[Record]:
    return [dict(g) for g in pages(aws.autoscaling(region), "describe_auto_scaling_groups", "AutoScalingGroups")]


@remembered
def _template(aws: Aws, region: str, template: str, version: str) -> Record:
    versions = aws.ec2(region).describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])
    return dict(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"])


def _free_address(state: State, taken: set[str], neighbours: Iterable[Record]) -> str:
    """An address that no instance has: in the subnet of the group's others, else in one that is empty."""
    used = {tuple(map(int, address.split(".")[2:])) for address in taken}
    subnets = [int(record["PrivateIpAddress"].split(".")[2]) for record in neighbours]
    subnet = subnets[0] if subnets else min(set(range(1, 200)) - {s for s, _ in used})
    host = 1 + max((h for s, h in used if s == subnet), default=0)
    taken.add(address := state.address(subnet, host))
    return address


def _launch(aws: Aws, region: str, group: Record, template: Record, address: str) -> Record:
    labels: list[Any] = [{"Key": t["Key"], "Value": t["Value"]} for t in group["Tags"] if t["PropagateAtLaunch"]]
    labels.append({"Key": GROUP_TAG, "Value": group["AutoScalingGroupName"]})
    given = {k: template[k] for k in ("ImageId", "InstanceType", "UserData", "IamInstanceProfile") if k in template}
    interfaces = template.get("NetworkInterfaces") or [{"Groups": template.get("SecurityGroupIds", [])}]
    subnets = group["VPCZoneIdentifier"].split(",")
    forget(region)
    launched = aws.ec2(region).run_instances(
        **given,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[int(address.rpartition(".")[2]) % len(subnets)],
        SecurityGroupIds=interfaces[0]["Groups"],
        PrivateIpAddress=address,
        TagSpecifications=[{"ResourceType": "instance", "Tags": labels}],
    )
    return dict(launched["Instances"][0])


def _register(aws: Aws, region: str, group: Record, wanted: Iterable[Record]) -> set[str]:
    """Make the group's target groups hold these instances and no others; return those that they held until now.

    The target groups are those of the group's own stack: ministack does not tell which ones a group attaches.
    """
    ids, left = {record["InstanceId"] for record in wanted}, set()
    for arn in _target_groups(aws, region, tags(group)[STACK_TAG]):
        registered = {target["Id"] for target in targets(aws, region, arn)}
        if ids != registered:
            forget(region)
        if missing := ids - registered:
            aws.elbv2(region).register_targets(TargetGroupArn=arn, Targets=[{"Id": i} for i in sorted(missing)])
        if surplus := registered - ids:
            aws.elbv2(region).deregister_targets(TargetGroupArn=arn, Targets=[{"Id": i} for i in sorted(surplus)])
            left |= surplus
    return left


@watched
def targets(aws: Aws, region: str, target_group: str) -> list[Record]:
    """What is registered in a target group: ``Id`` and ``Port``."""
    health = aws.elbv2(region).describe_target_health(TargetGroupArn=target_group)
    return [dict(description["Target"]) for description in health["TargetHealthDescriptions"]]


@remembered
def _target_groups(aws: Aws, region: str, stack: str) -> list[str]:
    resources = aws.cloudformation(region).describe_stack_resources(StackName=stack)["StackResources"]
    kind = "AWS::ElasticLoadBalancingV2::TargetGroup"
    return [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind]


def _terminate(aws: Aws, region: str, records: Iterable[Record]) -> None:
    if ids := [record["InstanceId"] for record in records]:
        forget(region)
        aws.ec2(region).terminate_instances(InstanceIds=ids)
