"""A local world that checks signatures and policies, and the roles of ``roles.yaml`` in it.

What it gets wrong is never bent to in a policy. Here the policies are put as it understands them: without the condition
keys that it does not know, without the resource where it knows none for an action, log groups without their ``:*``.
What is left out that way is tested in ``test_role_policies.py``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.templates import listed

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

    from tests.teams import Team

ACCOUNT = "000000000000"
PATH = "/coinquery/"
UNKNOWN_KEYS = ("cloudformation:", "route53:", "kms:", "lambda:")
UNPLACED = {
    "ecr:DescribeRepositories", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy",
    "route53:GetChange", "ssm:DeleteParameters", "ssm:GetParametersByPath",
}  # fmt: skip
#: Where the name of an operation is not that of its permission.
_RENAMED = {"lambda:Invoke": "lambda:InvokeFunction"}
_PREFIXES = {"elbv2": "elasticloadbalancing"}
#: Every caller may ask who it is.
_FREE = {"sts:GetCallerIdentity"}


@dataclass(frozen=True)
class Guarded:
    """The world of a team, its roles made by a real bootstrap; ``keys`` are those of each role's sessions."""

    team: Team
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @cached_property
    def iam(self) -> IAMClient:
        """IAM, as the account's root."""
        return self.team.world.aws.iam("us-east-1")

    def translate(self) -> None:
        """Put every policy of ours as the local AWS understands it."""
        for policy in self.iam.list_policies(Scope="Local")["Policies"]:
            if policy["Path"] == PATH and not policy["PolicyName"].startswith("coinquery-guard"):
                self._translate_managed(policy["Arn"])
        for role in self.iam.list_roles(PathPrefix=PATH)["Roles"]:
            for name, document in self._inline(role["RoleName"]):
                text = json.dumps(translated(document))
                self.iam.put_role_policy(RoleName=role["RoleName"], PolicyName=name, PolicyDocument=text)

    def actions(self, role: str) -> set[str]:
        """Every action that the role's policies allow."""
        attached = self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        documents = [self._managed(each["PolicyArn"]) for each in attached]
        documents += [document for _, document in self._inline(role)]
        return {action for each in documents for s in each["Statement"] for action in listed(s["Action"])}

    def session(self, role: str, without: str = "") -> dict[str, str]:
        """Credentials of a session of the role; one action may be taken from it."""
        limit = {"Effect": "Allow", "NotAction": without or "none:Such", "Resource": "*"}
        given = self.team.world.aws.sts("us-east-1").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role{PATH}{role}",
            RoleSessionName="jane",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [limit]}),
        )["Credentials"]
        self.keys[role].add(given["AccessKeyId"])
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def calls(self) -> Iterator[dict[str, Any]]:
        """Every call that went through the gateway, with the ``action`` that it needs."""
        log = self.team.world.state.calls
        for line in log.read_text("utf-8").splitlines():
            call = json.loads(line)
            action = f"{_PREFIXES.get(call['service'], call['service'])}:{call['operation']}"
            yield {**call, "action": _RENAMED.get(action, action)}

    def used(self, role: str) -> set[str]:
        """The actions that the calls of a role's sessions needed, as far as they were allowed."""
        allowed = (call for call in self.calls() if call["access_key"] in self.keys[role] and call["status"] < 400)
        return {call["action"] for call in allowed} - _FREE

    def _inline(self, role: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document: Any = self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield name, document

    def _managed(self, arn: str) -> dict[str, Any]:
        version = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document: Any = self.iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return dict(document)

    def _translate_managed(self, arn: str) -> None:
        text = json.dumps(translated(self._managed(arn)))
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)


def translated(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as the local AWS understands it."""
    return {**document, "Statement": [each for s in document["Statement"] for each in _statements(s)]}


def _statements(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if statement["Effect"] == "Deny":  # the monitor's, which holds by a key that is not known here
        return
    conditions = {
        operator: {key: value for key, value in keys.items() if not key.startswith(UNKNOWN_KEYS)}
        for operator, keys in statement.get("Condition", {}).items()
    }
    known = {key: value for key, value in statement.items() if key not in ("Condition", "Sid")}
    known |= {"Condition": {operator: keys for operator, keys in conditions.items() if keys}}
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])
    groups = [each.removesuffix(":*") for each in resources if ":log-group:" in each]
    placed = [action for action in actions if action not in UNPLACED]
    if placed:
        yield {**known, "Action": placed, "Resource": [*resources, *groups]}
    if len(placed) < len(actions):
        yield {**known, "Action": [action for action in actions if action in UNPLACED], "Resource": "*"}


@contextmanager
def kept_environment() -> Iterator[None]:
    """This process's environment as it was, at the end: bringing a world up leads it there."""
    import os

    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
