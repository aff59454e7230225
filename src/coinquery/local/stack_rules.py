"""What CloudFormation refuses, or takes for a repetition, and ministack does not."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coinquery.aws import Aws
from coinquery.local.calls import Answer, Call, Proceed
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_REFERENCES = re.compile(
    r"""(?:!Ref\s+|!GetAtt\s+|["']?Ref["']?:\s*|["']?Fn::GetAtt["']?:\s*\[\s*)["']?([A-Za-z0-9]+)"""
)


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


async def stack_policy(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A stack policy that denies every update refuses an update of the stack, also by a change set.

    It is refused at once. AWS takes the call, denies each resource, and ends in UPDATE_ROLLBACK_COMPLETE.
    """
    client = aws.cloudformation(call.region)
    policy = call.parameters.get("StackPolicyDuringUpdateBody")
    with suppress(client.exceptions.ClientError):
        policy = policy or (await asyncio.to_thread(_policy, client, call.parameters))
    statements = json.loads(policy or "{}").get("Statement", [])
    for number, statement in enumerate([statements] if isinstance(statements, dict) else statements, 1):
        everything = {"Update:*", "*"} & _texts(statement.get("Action")) and "*" in _texts(statement.get("Resource"))
        if statement["Effect"] == "Deny" and everything:
            said = f"Action denied by stack policy: Statement [#{number}] does not allow [Update:*] for resource [*]"
            return call.refuse("ValidationError", said)
    return await proceed(call)


def _policy(client: CloudFormationClient, asked: Mapping[str, Any]) -> str | None:
    """The stack's policy; a change set may be named by its ARN alone."""
    name = asked.get("StackName")
    if not name:
        name = client.describe_change_set(ChangeSetName=asked["ChangeSetName"])["StackName"]
    return client.get_stack_policy(StackName=name).get("StackPolicyBody")


def _texts(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(value or ())


async def references(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """What a template refers to is in it."""
    body = str(call.parameters.get("TemplateBody", ""))
    dangling = sorted({name for name in _REFERENCES.findall(body) if name != "AWS" and not _defines(body, name)})
    if dangling:
        said = f"Template format error: Unresolved resource dependencies [{', '.join(dangling)}]"
        return call.refuse("ValidationError", f"{said} in the Resources block of the template")
    return await proceed(call)


def _defines(body: str, name: str) -> bool:
    return re.search(rf"""["']?\b{name}\b["']?\s*:""", body) is not None


async def parameters_of_the_template(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """Only parameters that the template has can be given."""
    body, given = call.parameters.get("TemplateBody"), set(_given(call))
    if body and given:
        summary = await asyncio.to_thread(aws.cloudformation(call.region).get_template_summary, TemplateBody=body)
        unknown = given - {parameter.get("ParameterKey", "") for parameter in summary.get("Parameters", ())}
        if unknown:
            said = f"Parameters: [{', '.join(sorted(unknown))}] do not exist in the template"
            return call.refuse("ValidationError", said)
    return await proceed(call)


def _given(call: Call) -> Iterator[str]:
    return (value for key, value in call.parameters.items() if re.fullmatch(r"Parameters\..*\.ParameterKey", key))


async def names_are_blocked(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """A stack that failed to create stays and blocks its name until it is deleted."""
    described = await _described(aws, call)
    if described is not None:
        return call.refuse("AlreadyExistsException", f"Stack [{described['StackName']}] already exists")
    return await proceed(call)


async def what_can_be_updated(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """One that failed to create can only be deleted; of one that is being deleted, protection can't be changed."""
    described = await _described(aws, call)
    status = "" if described is None else described["StackStatus"]
    if status in ("ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED") and (
        status == "DELETE_IN_PROGRESS" or call.operation != "UpdateTerminationProtection"
    ):
        said = f"Stack:{call.parameters.get('StackName')} is in {status} state and can not be updated."
        return call.refuse("ValidationError", said)
    return await proceed(call)


async def nothing_to_update(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """An update that would change no resource is refused; what only people read, such as comments, changes none."""
    described, body = await _described(aws, call), call.parameters.get("TemplateBody")
    if described is not None and body:
        client = aws.cloudformation(call.region)
        standing = (await asyncio.to_thread(client.get_template, StackName=described["StackName"]))["TemplateBody"]
        parameters = {p.get("ParameterKey"): p.get("ParameterValue") for p in described.get("Parameters", ())}
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
        given = _pairs(call, "Parameters", "ParameterKey", "ParameterValue")
        tagged = _pairs(call, "Tags", "Key", "Value")
        if _active(str(standing)) == _active(body) and given.items() <= parameters.items() and tagged in ({}, tags):
            return call.refuse("ValidationError", "No updates are to be performed.")
    return await proceed(call)


def _active(body: str) -> list[str]:
    """A template's lines without comments, empty ones and its description."""
    return [line for line in body.splitlines() if line.strip() and not re.match(r"\s*#|Description:", line)]


def _pairs(call: Call, of: str, key: str, value: str) -> dict[str, str]:
    flat = call.parameters
    keys = [name for name in flat if re.fullmatch(rf"{of}\..*\.{key}", name)]
    return {flat[name]: flat.get(name.removesuffix(key) + value, "") for name in keys}


_deleted: set[tuple[str, str]] = set()


async def delete_token(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """``ClientRequestToken`` makes a retried delete idempotent: with the token of before, nothing is done again."""
    described, token = await _described(aws, call), str(call.parameters.get("ClientRequestToken", ""))
    key = ("" if described is None else described.get("StackId", ""), token)
    if token and key in _deleted:
        space = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
        return Answer(200, f'<DeleteStackResponse xmlns="{space}"/>'.encode(), {"Content-Type": "text/xml"})
    answer = await proceed(call)
    if token and answer.status == 200:
        _deleted.add(key)
    return answer


async def _described(aws: Aws, call: Call) -> StackTypeDef | None:
    name = str(call.parameters.get("StackName", ""))
    return await asyncio.to_thread(stacks.describe, aws.cloudformation(call.region), name)
