"""Make a stack, production protected from its first second (I5), and say why one failed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from coinquery import aws, denial
from coinquery.errors import NotPermitted, StackFailed
from coinquery.stacks import template
from coinquery.stacks.stack import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import CreateStackInputTypeDef

    from coinquery.errors import CoinQueryError
    from coinquery.naming import StackName


def create(
    cloudformation: CloudFormationClient,
    name: StackName,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    role: str = "",
) -> None:
    """Ask CloudFormation for the stack; a stack of that name that exists already is left for the caller to judge.

    Production stacks get termination protection and a policy that denies every update as part of their creation: a
    change set has neither. CloudFormation works under ``role``, now and when it deletes the stack; without one, with
    the rights of whoever asks.
    """
    request: CreateStackInputTypeDef = {
        "StackName": str(name),
        "TemplateBody": template.text(template.COIN_STACK),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Tags": [{"Key": TAG + key, "Value": value} for key, value in tags.items()],
        "Capabilities": ["CAPABILITY_IAM"],
        "ClientRequestToken": request_token(tags["rollout"]),
    }
    if role:
        request["RoleARN"] = role
    if name.is_production:
        request["EnableTerminationProtection"] = True
        request["StackPolicyBody"] = template.text(template.STACK_POLICY)
    try:
        cloudformation.create_stack(**request)
    except cloudformation.exceptions.AlreadyExistsException:
        return


def request_token(*words: str) -> str:
    """A token that makes CloudFormation take a repeated request for the one it was."""
    return "cq-" + hashlib.sha256("\n".join(words).encode()).hexdigest()


def failure(what: str, why: str, remedy: str) -> CoinQueryError:
    """What a person should read of a stack that failed: NotPermitted where AWS denied CloudFormation something."""
    denied = denial.find(why)
    if denied is None:
        return StackFailed(f"{what}: {why}", remedy)
    return NotPermitted(f"{what}: {why}", f"Allow {denied.action} to {denied.who or 'whom it worked for'}. {remedy}")


#: With these an operation on a stack begins; a roll back is part of the operation that failed.
_BEGINS = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}


def first_failure(cloudformation: CloudFormationClient, name: StackName | str) -> str:
    """Which resource failed first in the stack's last operation, and why, from its events, which come newest first."""
    failures = []
    for event in aws.pages(cloudformation, "describe_stack_events", "StackEvents", StackName=str(name)):
        status = str(event.get("ResourceStatus", ""))
        if status.endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", "").lower():
            failures.append(event)
        if status in _BEGINS and event.get("PhysicalResourceId") == event["StackId"]:
            break
    if not failures:
        return "CloudFormation names no resource that failed"
    first = min(failures, key=lambda event: event["Timestamp"])
    return f"{first.get('LogicalResourceId')}: {first.get('ResourceStatusReason', 'no reason given')}"
