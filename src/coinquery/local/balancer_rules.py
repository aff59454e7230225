"""What load balancers, target groups and instances are on AWS and not in ministack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from coinquery.aws import Aws, pages
from coinquery.local.calls import Answer, Call, Proceed
from coinquery.local.targets import target_health

if TYPE_CHECKING:
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client


async def load_balancer_names(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """Load balancer and target group names: 32 letters, digits and hyphens; not beginning ``internal-``."""
    name = call.parameters.get("Name", "")
    if re.fullmatch(r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name):
        return await proceed(call)
    return call.refuse("ValidationError", f"The name '{name}' is longer than 32 characters or not allowed")


async def targets_are_asked(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A target is healthy if its health check says so, not because it was registered."""
    answer = await proceed(call)
    return await target_health(aws, call, answer) if answer.status == 200 else answer


async def private_ip_address(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``DescribeInstances`` can be filtered by private address."""
    answer, wanted = await proceed(call), None
    for key, value in call.parameters.items():
        if value == "private-ip-address" and key.endswith(".Name"):
            wanted = call.members(key.removesuffix("Name") + "Value")
    if wanted is None or answer.status != 200:
        return answer
    root = answer.xml
    for instances in root.iterfind(".//{*}instancesSet"):
        for instance in list(instances):
            if instance.findtext("{*}privateIpAddress") not in wanted:
                instances.remove(instance)
    return replace(answer, body=Xml.tostring(root))


async def one_balancer_a_group(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A target group serves one load balancer."""
    parameters = call.parameters
    wanted = {value for key, value in parameters.items() if key.endswith(".TargetGroupArn")}
    own = str(parameters.get("LoadBalancerArn") or _balancer(parameters.get("ListenerArn") or parameters["RuleArn"]))
    if wanted:
        others = await asyncio.to_thread(lambda: set(_served_elsewhere(aws.elbv2(call.region), own)))
        if wanted & others:
            said = "The following target groups cannot be associated with more than one load balancer: "
            return call.refuse("TargetGroupAssociationLimit", said + ", ".join(sorted(wanted & others)))
    return await proceed(call)


def _balancer(arn: str) -> str:
    """The ARN of the load balancer whose listener's, or whose listener's rule's, that is."""
    return "/".join(re.sub(r":listener(-rule)?/", ":loadbalancer/", arn).split("/")[:4])


def _served_elsewhere(elbv2: ElasticLoadBalancingv2Client, own: str) -> Iterator[str]:
    for balancer in pages(elbv2, "describe_load_balancers", "LoadBalancers"):
        if balancer["LoadBalancerArn"] == own:
            continue
        for listener in pages(elbv2, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            for rule in pages(elbv2, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield from (action["TargetGroupArn"] for action in rule["Actions"] if "TargetGroupArn" in action)


async def protected_balancers(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A load balancer with deletion protection can't be deleted."""
    client, arn = aws.elbv2(call.region), str(call.parameters.get("LoadBalancerArn", ""))
    try:
        seen = await asyncio.to_thread(client.describe_load_balancer_attributes, LoadBalancerArn=arn)
    except client.exceptions.ClientError:
        return await proceed(call)
    if {"Key": "deletion_protection.enabled", "Value": "true"} in seen["Attributes"]:
        said = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        return call.refuse("OperationNotPermitted", said)
    return await proceed(call)
