"""Production's protection: read back from AWS, never believed from our own request (I5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from coinquery.stacks import stack as stacks
from coinquery.stacks import template

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client

    from coinquery.naming import StackName

DELETION_PROTECTION = "deletion_protection.enabled"


@dataclass(frozen=True)
class Protection:
    """What protects a stack, as AWS says it."""

    termination: bool
    policy: bool
    load_balancers: dict[str, bool]

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not protected."""
        gaps = [] if self.termination else ["termination protection"]
        gaps += [] if self.policy else ["stack policy"]
        return (*gaps, *(f"deletion protection of {arn}" for arn, on in self.load_balancers.items() if not on))


class Protector:
    """Reads, completes and lifts the protection of stacks in one region."""

    def __init__(self, cloudformation: CloudFormationClient, elbv2: ElasticLoadBalancingv2Client) -> None:
        self._cloudformation = cloudformation
        self._elbv2 = elbv2

    def read(self, name: StackName) -> Protection:
        """The protection that AWS reports now."""
        stack = stacks.read(self._cloudformation, name)
        if stack is not None:
            return self.of(stack)
        return Protection(termination=False, policy=self._policy_denies_updates(name), load_balancers={})

    def of(self, stack: stacks.Stack) -> Protection:
        """The protection of a stack that was just described."""
        return Protection(
            termination=stack.protected,
            policy=self._policy_denies_updates(stack.name),
            load_balancers={arn: self._is_protected(arn) for arn in load_balancers(stack)},
        )

    def complete(self, name: StackName, protection: Protection) -> None:
        """Switch on what is missing."""
        if not protection.termination:
            self._cloudformation.update_termination_protection(StackName=str(name), EnableTerminationProtection=True)
        if not protection.policy:
            policy = template.text(template.STACK_POLICY)
            self._cloudformation.set_stack_policy(StackName=str(name), StackPolicyBody=policy)
        for arn, protected in protection.load_balancers.items():
            if not protected:
                self._set_deletion_protection(arn, "true")

    def lost(self, stack: stacks.Stack) -> tuple[str, ...]:
        """What the stack no longer has of that with which it was created: termination protection and stack policy."""
        policy = self._policy_denies_updates(stack.name)
        return Protection(termination=stack.protected, policy=policy, load_balancers={}).missing

    def protects(self, stack: stacks.Stack) -> bool:
        """Whether anything still keeps the stack from being deleted."""
        return stack.protected or any(self._is_protected(arn) for arn in load_balancers(stack))

    def lift(self, stack: stacks.Stack) -> None:
        """Take the protection off a stack that is about to be retired: load balancers first, the stack last."""
        for arn in load_balancers(stack):
            if self._is_protected(arn):
                self._set_deletion_protection(arn, "false")
        if stack.protected:
            self._cloudformation.update_termination_protection(
                StackName=str(stack.name), EnableTerminationProtection=False
            )

    def _policy_denies_updates(self, name: StackName) -> bool:
        return denies_updates(self._cloudformation.get_stack_policy(StackName=str(name)).get("StackPolicyBody"))

    def _is_protected(self, arn: str) -> bool:
        try:
            answer = self._elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)
        except self._elbv2.exceptions.LoadBalancerNotFoundException:
            return False
        return any(a.get("Key") == DELETION_PROTECTION and a.get("Value") == "true" for a in answer["Attributes"])

    def _set_deletion_protection(self, arn: str, value: str) -> None:
        self._elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": DELETION_PROTECTION, "Value": value}]
        )


def denies_updates(policy: str | None) -> bool:
    """Whether a stack policy denies every update of every resource; a Deny outweighs whatever else it allows."""
    try:
        document: object = json.loads(policy or "{}")
    except (ValueError, RecursionError):
        return False
    statements = document.get("Statement") if isinstance(document, dict) else None
    return isinstance(statements, list) and _no_updates() in statements


@cache
def _no_updates() -> object:
    return json.loads(template.text(template.STACK_POLICY))["Statement"][0]


def load_balancers(stack: stacks.Stack | None) -> tuple[str, ...]:
    """The ARNs of a stack's load balancers, from its outputs."""
    outputs = {} if stack is None else stack.outputs
    return tuple(outputs[key] for key in ("LoadBalancerArn", "InternalLoadBalancerArn") if outputs.get(key))
