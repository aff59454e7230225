"""Who may do what in the account, and who of them carries the guard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import aws
from coinquery.stacks.guard import PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_iam import IAMClient

#: Roles of AWS's services: no policy can be attached to them.
SERVICE_LINKED = "/aws-service-role/"
#: Our own roles: those of roles.yaml by name, those of the monitor and of each stack as CloudFormation names them.
OURS = re.compile(r"coinquery-(deployer|cloudformation|read-only|break-glass|monitor-.+)|cq-.+")


@dataclass(frozen=True)
class Carriers:
    """Names of the roles and users that carry a policy."""

    roles: frozenset[str]
    users: frozenset[str]


def carriers(iam: IAMClient, policy: str) -> Carriers:
    """Who carries the policy of that ARN; nobody where there is none.

    As a permissions boundary it does not count, nor on a group: who takes a user out of it takes the policy off.
    """
    operation = iam.get_paginator("list_entities_for_policy")
    roles: set[str] = set()
    users: set[str] = set()
    try:
        for page in operation.paginate(PolicyArn=policy, PolicyUsageFilter="PermissionsPolicy"):
            roles.update(role.get("RoleName", "") for role in page.get("PolicyRoles", ()))
            users.update(user.get("UserName", "") for user in page.get("PolicyUsers", ()))
    except iam.exceptions.NoSuchEntityException:
        pass
    return Carriers(frozenset(roles), frozenset(users))


def without(iam: IAMClient, policies: Iterable[str]) -> tuple[str, ...]:
    """Every role and user that lacks one of the policies, as ``role/NAME`` and ``user/NAME``.

    Left out are service-linked roles, and our own by path and name, whose rights are few and which nobody else may
    change.
    """
    carried = [carriers(iam, policy) for policy in policies]
    roles = [
        role["RoleName"]
        for role in aws.pages(iam, "list_roles", "Roles")
        if not (role["Path"].startswith(SERVICE_LINKED) or (role["Path"] == PATH and OURS.fullmatch(role["RoleName"])))
    ]
    users = [user["UserName"] for user in aws.pages(iam, "list_users", "Users")]
    bare_roles = [f"role/{name}" for name in roles if any(name not in each.roles for each in carried)]
    bare_users = [f"user/{name}" for name in users if any(name not in each.users for each in carried)]
    return (*sorted(bare_roles), *sorted(bare_users))
