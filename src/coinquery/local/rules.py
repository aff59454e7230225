"""The table of rules: what AWS does and ministack 1.5.33 does not, one rule for one fact.

A rule stands between the caller and ministack: it is handed clients of ministack, the way to proceed, and the call.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from xml.etree import ElementTree as Xml

from coinquery.aws import Aws
from coinquery.local import zones
from coinquery.local.calls import Answer, Call
from coinquery.local.targets import target_health

Proceed = Callable[[Call], Awaitable[Answer]]
Rule = Callable[[Aws, Proceed, Call], Awaitable[Answer]]

IMAGE_PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
IMAGE_ID = "ami-0ec50a12023000001"
LOG_AHEAD, LOG_BEHIND = 2 * 3600, 14 * 86400

_TABLE: dict[tuple[str, str], list[Rule]] = defaultdict(list)


class Rules:
    """The table, applied to calls."""

    def __init__(self, aws: Aws, forward: Proceed) -> None:
        self._aws = aws
        self._forward = forward

    async def answer(self, call: Call) -> Answer:
        """AWS's answer to a call: ministack's, unless a rule knows better."""
        proceed = self._forward
        for rule in _TABLE.get((call.service, call.operation), ()):
            proceed = partial(rule, self._aws, proceed)
        return await proceed(call)


def _rule(service: str, *operations: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        for operation in operations:
            _TABLE[service, operation].append(rule)
        return rule

    return enter


@_rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet")
async def capabilities(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """Named IAM resources need CAPABILITY_NAMED_IAM, others CAPABILITY_IAM."""
    template = {k: v for k in ("TemplateBody", "TemplateURL") if (v := call.parameters.get(k))}
    if template:
        client = aws.cloudformation(call.region)
        needed = (await asyncio.to_thread(client.get_template_summary, **template)).get("Capabilities", [])
        given = set(call.members("Capabilities"))
        if "CAPABILITY_NAMED_IAM" in given:
            given.add("CAPABILITY_IAM")
        missing = [capability for capability in needed if capability not in given]
        if missing:
            return call.refuse("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
    return await proceed(call)


_created: dict[tuple[str, str], tuple[str, Answer]] = {}
_creating: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)


@_rule("cloudformation", "CreateStack")
async def client_request_token(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``ClientRequestToken`` makes a retried create idempotent: the same token gets the same answer."""
    key, token = (call.region, call.parameters.get("StackName", "")), call.parameters.get("ClientRequestToken", "")
    async with _creating[key]:
        answer = await proceed(call)
        made_by, first = _created.get(key, ("", answer))
        if answer.status == 200:
            _created[key] = token, answer
        elif token and token == made_by and b"AlreadyExistsException" in answer.body:
            return first
    return answer


@_rule("cloudformation", "UpdateStack", "ExecuteChangeSet")
async def stack_policy(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A stack policy that denies every update refuses an update of the stack, also by a change set."""
    client, name = aws.cloudformation(call.region), call.parameters.get("StackName", "")
    policy = call.parameters.get("StackPolicyDuringUpdateBody")
    with suppress(client.exceptions.ClientError):
        policy = policy or (await asyncio.to_thread(client.get_stack_policy, StackName=name)).get("StackPolicyBody")
    statements = json.loads(policy or "{}").get("Statement", [])
    for number, statement in enumerate([statements] if isinstance(statements, dict) else statements, 1):
        everything = {"Update:*", "*"} & _texts(statement.get("Action")) and "*" in _texts(statement.get("Resource"))
        if statement["Effect"] == "Deny" and everything:
            said = f"Action denied by stack policy: Statement [#{number}] does not allow [Update:*] for resource [*]"
            return call.refuse("ValidationError", said)
    return await proceed(call)


def _texts(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(value or ())


@_rule("elbv2", "CreateLoadBalancer", "CreateTargetGroup")
async def load_balancer_names(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """Load balancer and target group names: 32 letters, digits and hyphens; not beginning ``internal-``."""
    name = call.parameters.get("Name", "")
    if re.fullmatch(r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name):
        return await proceed(call)
    return call.refuse("ValidationError", f"The name '{name}' is longer than 32 characters or not allowed")


@_rule("elbv2", "DescribeTargetHealth")
async def targets_are_asked(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A target is healthy if its health check says so, not because it was registered."""
    answer = await proceed(call)
    return await target_health(aws, call, answer) if answer.status == 200 else answer


@_rule("ec2", "DescribeInstances")
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


@_rule("route53", "ChangeResourceRecordSets")
async def record_sets(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """Names lie inside their zone; simple and weighted sets of one name and type can't stand together."""
    problem = await asyncio.to_thread(zones.problem, aws.route53(), call)
    return call.refuse("InvalidChangeBatch", f"[{problem}]") if problem else await proceed(call)


@_rule("logs", "PutLogEvents")
async def log_events_in_time(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``PutLogEvents`` drops events more than 2 h ahead or too old with status 200."""
    parameters = call.parameters
    times = [event["timestamp"] / 1000 - time.time() for event in parameters["logEvents"]]
    old, new = sum(t < -LOG_BEHIND for t in times), sum(t > LOG_AHEAD for t in times)
    if not old and not new:
        return await proceed(call)
    kept = parameters["logEvents"][old : len(times) - new]
    answer = await proceed(call.with_parameters({**parameters, "logEvents": kept}))
    rejected = {"tooOldLogEventEndIndex": old} if old else {}
    rejected |= {"tooNewLogEventStartIndex": len(times) - new} if new else {}
    return answer.with_json({**json.loads(answer.body), "rejectedLogEventsInfo": rejected})


@_rule("cloudwatch", "PutMetricData")
async def metric_namespaces(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """Metric namespaces that begin ``AWS/`` are Amazon's own."""
    if str(call.parameters.get("Namespace", "")).startswith("AWS/"):
        return call.refuse("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
    return await proceed(call)


@_rule("ssm", "GetParameter", "GetParameters")
async def image_parameter(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """The current ECS image is a public SSM parameter."""
    answer, parameters = await proceed(call), call.parameters
    arn = f"arn:aws:ssm:{call.region}::parameter{IMAGE_PARAMETER}"
    image = {"Name": IMAGE_PARAMETER, "Type": "String", "Value": IMAGE_ID, "Version": 1, "ARN": arn, "DataType": "text"}
    if parameters.get("Name") == IMAGE_PARAMETER:
        return replace(answer, status=200).with_json({"Parameter": image})
    if answer.status != 200 or IMAGE_PARAMETER not in parameters.get("Names", ()):
        return answer
    found = json.loads(answer.body)
    invalid = [name for name in found["InvalidParameters"] if name != IMAGE_PARAMETER]
    return answer.with_json({"Parameters": [*found["Parameters"], image], "InvalidParameters": invalid})


@_rule("ecr", "DescribeImages")
async def images_by_id(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``DescribeImages`` of an image that is not there is an error, not an empty list (ECR's API reference)."""
    answer = await proceed(call)
    if call.parameters.get("imageIds") and not json.loads(answer.body).get("imageDetails", True):
        return call.refuse("ImageNotFoundException", "The image with the given imageId does not exist")
    return answer
