"""The guard as service control policies: their texts, and whether the organisation binds the account with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coinquery import aws

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from types_boto3_iam import IAMClient
    from types_boto3_organizations import OrganizationsClient

SERVICE_CONTROL: Literal["SERVICE_CONTROL_POLICY"] = "SERVICE_CONTROL_POLICY"
VERSION = "2012-10-17"


def statements(iam: IAMClient, policies: Iterable[str]) -> list[Any]:
    """The statements of the policies as they stand in the account; of one that is not there, none."""
    found: list[Any] = []
    for arn in policies:
        try:
            version = iam.get_policy(PolicyArn=arn)["Policy"].get("DefaultVersionId", "")
        except iam.exceptions.NoSuchEntityException:
            continue
        document: Any = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"].get("Document", {})
        found += document.get("Statement", [])
    return found


def service_control_policy(found: list[Any]) -> str:
    """Statements as a service control policy, without a blank: each counts against its 10,240 characters."""
    return msgspec.json.encode({"Version": VERSION, "Statement": found}).decode()


def is_member(organizations: OrganizationsClient, account: str) -> bool | None:
    """Whether service control policies can bind the account, unlike the management's; None if it is in none."""
    try:
        organization = organizations.describe_organization()["Organization"]
    except organizations.exceptions.AWSOrganizationsNotInUseException:
        return None
    return organization.get("MasterAccountId") != account


def binds(organizations: OrganizationsClient, account: str, wanted: Iterable[Any]) -> bool:
    """Whether service control policies on the account, or above it, have all of the statements."""
    standing = [statement for document in _documents(organizations, account) for statement in document]
    return all(statement in standing for statement in wanted)


def _documents(organizations: OrganizationsClient, target: str) -> Iterator[list[Any]]:
    while target:
        listed = aws.pages(
            organizations, "list_policies_for_target", "Policies", TargetId=target, Filter=SERVICE_CONTROL
        )
        for policy in listed:
            content = organizations.describe_policy(PolicyId=policy["Id"])["Policy"].get("Content", "{}")
            document = msgspec.json.decode(content)
            found = document.get("Statement", []) if isinstance(document, dict) else []
            yield found if isinstance(found, list) else [found]
        target = _parent(organizations, target)


def _parent(organizations: OrganizationsClient, child: str) -> str:
    """The organizational unit or root that holds a target; ``""`` for the root."""
    if child.startswith("r-"):
        return ""
    parents = organizations.list_parents(ChildId=child)["Parents"]
    return parents[0].get("Id", "") if parents else ""
