"""Whether a stack is still protected as it was made: termination protection, and a policy that denies updates (I5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

    from coinquery.naming import StackName

#: The statement that a production stack is created with; a Deny outweighs whatever else a policy allows.
_NO_UPDATES = {"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "*"}


def missing(cloudformation: CloudFormationClient, stack: StackName) -> tuple[str, ...]:
    """What of the stack's protection is off, in words; empty if it is protected. Only describes, changes nothing."""
    described = cloudformation.describe_stacks(StackName=str(stack))["Stacks"]
    policy = cloudformation.get_stack_policy(StackName=str(stack)).get("StackPolicyBody")
    off = [] if any(each.get("EnableTerminationProtection") for each in described) else ["termination protection"]
    return (*off, *(() if denies_updates(policy) else ("stack policy",)))


def denies_updates(policy: str | None) -> bool:
    """Whether a stack policy denies every update of every resource."""
    try:
        document: Any = msgspec.json.decode(policy or "{}")
    except msgspec.DecodeError:
        return False
    statements = document.get("Statement") if isinstance(document, dict) else None
    return isinstance(statements, list) and _NO_UPDATES in statements
