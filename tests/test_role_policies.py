"""The policies of ``roles.yaml`` as AWS would decide by them: above all what the local AWS does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint  # type: ignore[import-untyped]
import pytest

from tests import templates
from tests.policy_evaluator import Context, Decision, Request, arn_matches, decide, matches
from tests.templates import COIN_STACK, ROLES, listed

ACCOUNT, ZONE = "123456789012", "arn:aws:route53:::hostedzone/ZPUBLIC"
ARN = "arn:aws:{}:eu-west-1:" + ACCOUNT + ":"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/coinquery/coinquery-cloudformation"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/coinquery/coinquery-boundary"
GIVEN: dict[str, Any] = {
    "Deployers": [f"arn:aws:iam::{ACCOUNT}:root"],
    "Readers": [f"arn:aws:iam::{ACCOUNT}:root"],
    "BreakGlass": [f"arn:aws:iam::{ACCOUNT}:root"],
    "Zones": [ZONE],
    "RecordNames": ["eth.example.com", "eth.internal.example.com"],
    "Repository": "coinquery/service",
    "ImageParameter": "/aws/service/ecs/image_id",
    "WebhookStore": "secretsmanager",
    "WebhookName": "cq/slack",
}
#: Limits of IAM in characters but white space: one managed policy, all of a role's own policies together.
MANAGED_LIMIT, INLINE_LIMIT = 6_144, 10_240
#: What CloudFormation may pass as a parameter, in bytes.
LONGEST_NAMES = 4_096


@cache
def made() -> dict[str, dict[str, Any]]:
    """The template's resources for one account."""
    return templates.resources(ROLES, "coinquery-roles", **GIVEN)


def policies(role: str) -> list[dict[str, Any]]:
    """Everything that a role may do."""
    properties = made()[role]["Properties"]
    attached = [each.strip("<>") for each in properties.get("ManagedPolicyArns", [])]
    documents = [made()[each]["Properties"]["PolicyDocument"] for each in attached]
    documents += [each["PolicyDocument"] for each in properties.get("Policies", [])]
    known = json.dumps(documents).replace("<CloudFormation.Arn>", SERVICE_ROLE).replace("<Boundary>", BOUNDARY)
    loaded: list[dict[str, Any]] = json.loads(known.replace("${!aws:userid}", "AROA"))
    return loaded


def may(role: str, action: str, resource: str, context: Context | None = None) -> bool:
    return decide(policies(role), Request(action, resource, context or {})) is Decision.ALLOWED


def records(*names: str, kind: str = "A", action: str = "CREATE") -> Context:
    prefix = "route53:ChangeResourceRecordSets"
    return {
        f"{prefix}NormalizedRecordNames": names,
        f"{prefix}RecordTypes": (kind,),
        f"{prefix}Actions": (action,),
    }


STACK = ARN.format("cloudformation") + "stack/cq-eth-0001-prod/1"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/coinquery"
JOURNAL = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/coinquery/journal"
INSTANCE = ARN.format("ec2") + "instance/i-1"
BALANCER = ARN.format("elasticloadbalancing") + "loadbalancer/app/cq-eth-0001-prod/1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/coinquery/"
BOUNDED: Context = {"iam:PermissionsBoundary": BOUNDARY}
TAGGED: Context = {"aws:RequestTag/coinquery:stack": "cq-eth-0001-prod"}
GROUP = ARN.format("ec2") + "security-group/sg-1"
OURS: Context = {"aws:ResourceTag/coinquery:stack": "cq-eth-0001-prod"}


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("cloudformation:CreateStack", STACK, {"cloudformation:RoleArn": SERVICE_ROLE}, True),
        ("cloudformation:CreateStack", STACK, {}, False),
        ("cloudformation:CreateStack", STACK, {"cloudformation:RoleArn": SERVICE_ROLE + "2"}, False),
        ("cloudformation:CreateStack", STACK.replace("cq-", "x-"), {"cloudformation:RoleArn": SERVICE_ROLE}, False),
        ("cloudformation:UpdateStack", STACK, {}, False),
        ("cloudformation:DeleteStack", STACK, {}, True),
        ("cloudformation:DeleteStack", STACK.replace("cq-eth-0001-prod", "coinquery-network"), {}, False),
        ("iam:PassRole", SERVICE_ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"}, True),
        ("iam:PassRole", SERVICE_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}, False),
        ("route53:ChangeResourceRecordSets", ZONE, records("eth.example.com"), True),
        ("route53:ChangeResourceRecordSets", ZONE, records("eth.example.com", "www.example.com"), False),
        ("route53:ChangeResourceRecordSets", ZONE, records("example.com"), False),
        ("route53:ChangeResourceRecordSets", ZONE, records("eth.example.com", kind="MX"), False),
        ("route53:ChangeResourceRecordSets", ZONE, records("eth.example.com", action="UPSERT"), False),
        ("route53:ChangeResourceRecordSets", ZONE, {}, False),
        ("route53:ChangeResourceRecordSets", ZONE + "2", records("eth.example.com"), False),
        ("ssm:PutParameter", f"{PARAMETER}/stacks/eth/prod/0001", {}, True),
        ("ssm:PutParameter", f"{PARAMETER}/stacks/eth/prod/0001", {"ssm:Overwrite": "true"}, False),
        ("ssm:PutParameter", f"{PARAMETER}/latest/eth/prod", {"ssm:Overwrite": "true"}, True),
        ("ssm:PutParameter", f"{PARAMETER}/home", {}, False),
        ("ssm:DeleteParameters", f"{PARAMETER}/rollouts/eth/prod/eu-west-1/v1/1/moving/0a1b2c3d", {}, True),
        ("ssm:DeleteParameters", f"{PARAMETER}/rollouts/eth/prod/eu-west-1/v1/1/retiring/0a1b2c3d", {}, True),
        ("ssm:DeleteParameters", f"{PARAMETER}/rollouts/eth/prod/eu-west-1/v1/1/retired", {}, False),
        ("ssm:DeleteParameters", f"{PARAMETER}/rollouts/eth/prod/eu-west-1/v1/1/way-back", {}, False),
        ("ssm:DeleteParameters", f"{PARAMETER}/stacks/eth/prod/0001", {}, False),
        ("logs:PutLogEvents", f"{JOURNAL}:log-stream:cq-eth-0001-prod", {}, True),
        ("logs:DeleteLogGroup", JOURNAL, {}, False),
        ("logs:DeleteLogStream", f"{JOURNAL}:log-stream:cq-eth-0001-prod", {}, False),
        ("ec2:TerminateInstances", INSTANCE, OURS, False),
        ("elasticloadbalancing:DeleteLoadBalancer", BALANCER, {}, False),
    ],
)  # fmt: skip
def test_the_deployer(action: str, resource: str, context: Context, allowed: bool) -> None:
    assert may("Deployer", action, resource, context) is allowed


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("iam:CreateRole", ROLE + "cq-eth-0001-prod-InstanceRole-1", BOUNDED, True),
        ("iam:CreateRole", ROLE + "cq-eth-0001-prod-InstanceRole-1", {}, False),
        ("iam:CreateRole", ROLE + "coinquery-x", BOUNDED, False),
        ("iam:DeleteRolePermissionsBoundary", ROLE + "cq-eth-0001-prod-x", {}, False),
        ("iam:PassRole", ROLE + "cq-eth-0001-prod-x", {"iam:PassedToService": "lambda.amazonaws.com"}, False),
        ("ec2:CreateTags", GROUP, {**TAGGED, "ec2:CreateAction": "CreateSecurityGroup"}, True),
        ("ec2:CreateTags", GROUP, TAGGED, False),
        ("ec2:AuthorizeSecurityGroupIngress", GROUP, OURS, True),
        ("ec2:AuthorizeSecurityGroupIngress", GROUP, {"aws:ResourceTag/coinquery:stack": "theirs"}, False),
        ("ec2:DeleteSecurityGroup", GROUP, {}, False),
        ("ec2:TerminateInstances", INSTANCE, OURS, False),
        ("ec2:RunInstances", INSTANCE, {}, False),
        ("logs:DeleteLogGroup", ARN.format("logs") + "log-group:/coinquery/stacks/cq-eth-0001-prod", {}, False),
        ("route53:ChangeResourceRecordSets", ZONE, records("eth.example.com"), False),
    ],
)  # fmt: skip
def test_cloudformations_role(action: str, resource: str, context: Context, allowed: bool) -> None:
    assert may("CloudFormation", action, resource, context) is allowed


def test_who_may_only_look_changes_nothing_and_reads_no_secret() -> None:
    actions = {action for each in policies("ReadOnly") for s in each["Statement"] for action in listed(s["Action"])}
    assert all(re.match(r"[a-z0-9-]+:(Describe|Get|List|Filter)", action) for action in actions)
    assert not may("ReadOnly", "ssm:GetParameter", f"{PARAMETER}/references/eth")
    assert not may("ReadOnly", "secretsmanager:GetSecretValue", ARN.format("secretsmanager") + "secret:cq/slack-abcdef")


def test_break_glass_wants_a_second_factor_that_is_fresh() -> None:
    (statement,) = made()["BreakGlassRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
    }
    assert made()["BreakGlassRole"]["Properties"]["MaxSessionDuration"] == 3600


def test_break_glass_ends_only_our_instances_and_no_evidence() -> None:
    assert may("BreakGlassRole", "ec2:TerminateInstances", INSTANCE, OURS)
    assert not may("BreakGlassRole", "ec2:TerminateInstances", INSTANCE)
    assert not may("BreakGlassRole", "ssm:DeleteParameters", f"{PARAMETER}/stacks/eth/prod/0001")
    assert not may("BreakGlassRole", "logs:DeleteLogGroup", JOURNAL)


def test_break_glass_talks_in_its_own_session_only() -> None:
    session = ARN.format("ssm") + "session/{}-0a1b2c3d"
    assert may("BreakGlassRole", "ssmmessages:OpenDataChannel", session.format("AROA"))
    assert not may("BreakGlassRole", "ssmmessages:OpenDataChannel", session.format("AROB"))
    assert not may("Deployer", "ssmmessages:OpenDataChannel", session.format("AROA"))


def test_break_glass_tags_a_snapshot_only_as_it_makes_it() -> None:
    snapshot = "arn:aws:ec2:eu-west-1::snapshot/snap-1"
    assert may("BreakGlassRole", "ec2:CreateTags", snapshot, {"ec2:CreateAction": "CreateSnapshot"})
    assert not may("BreakGlassRole", "ec2:CreateTags", snapshot)
    assert not may("BreakGlassRole", "ec2:CreateTags", INSTANCE, {"ec2:CreateAction": "CreateSnapshot"})


def test_every_policy_fits_with_as_many_names_as_a_parameter_takes() -> None:
    for name, resource in made().items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert _length(resource["Properties"]["PolicyDocument"]) < MANAGED_LIMIT, name
        else:
            own = sum(_length(each["PolicyDocument"]) for each in resource["Properties"].get("Policies", []))
            names = LONGEST_NAMES * 3 // 2 if name == "Deployer" else 0  # quotes and commas around each
            assert own + names < INLINE_LIMIT, name


def _length(document: dict[str, Any]) -> int:
    return len(re.sub(r"\s", "", json.dumps(document)))


#: What handlers list and our stacks never make them ask for.
EXEMPT = {
    "cognito-idp:DescribeUserPoolClient": "listeners that sign users in",
    "ec2:Get*": "groups whose instance types are chosen by attributes; the schema says no more",
    "elasticloadbalancing:ModifyCapacityReservation": "load balancers with reserved capacity",
    "elasticloadbalancing:RegisterTargets": "target groups that list their targets; Auto Scaling registers ours itself",
    "autoscaling:EnableMetricsCollection": "metrics of the group",
    "autoscaling:PutNotificationConfiguration": "notifications of the group",
    "autoscaling:SuspendProcesses": "during updates",
    "managed-fleets:*": "groups in a managed fleet",
    "ssm:Get*": "launch templates that name their image by a parameter; cq resolves it",
    "vpc-lattice:*": "groups in VPC Lattice",
    "iam:AttachRolePolicy": "roles with managed policies; ours have their own only",
    "iam:DetachRolePolicy": "the same",
    "firehose:TagDeliveryStream": "delivery of logs",
    "logs:CreateLogDelivery": "delivery of logs",
    "logs:PutBearerTokenAuthentication": "log groups with that property",
    "logs:PutDataProtectionPolicy": "log groups with that property",
    "logs:PutIndexPolicy": "log groups with that property",
    "logs:PutResourcePolicy": "log groups with that property",
    "s3:REST.PUT.OBJECT": "no permission of IAM",
    "kms:DescribeKey": "clusters with a key of their own",
    "logs:DeleteDataProtectionPolicy": "log groups are kept",
    "logs:DeleteLogGroup": "log groups are kept",
}
#: What creating them needs, though no schema says so.
UNSAID = {
    "ec2:GetSecurityGroupsForVpc": "load balancers, since October 2024",
}


def handlers() -> Iterator[tuple[str, str]]:
    """What creating, reading and deleting each resource type of a coin's stack needs, by the registry's schemas."""
    types = {each["Type"] for each in templates.load(COIN_STACK)["Resources"].values()}
    found = set()
    for path in (Path(cfnlint.__file__).parent / "data" / "schemas" / "resources").glob("*.json"):
        schema = json.loads(path.read_text("utf-8"))
        if schema["typeName"] in types:
            found.add(schema["typeName"])
            for handler in ("create", "read", "delete"):
                yield from ((schema["typeName"], action) for action in schema["handlers"][handler]["permissions"])
    assert found == types


def test_cloudformation_may_what_the_schemas_of_its_resources_ask_for() -> None:
    allowed = {a for each in policies("CloudFormation") for s in each["Statement"] for a in listed(s["Action"])}
    needed = set(handlers())
    missing = {each for each in needed if not any(matches(pattern, each[1]) for pattern in allowed)}
    assert not {each for each in missing if not any(_exempts(exempt, each[1]) for exempt in EXEMPT)}
    idle = {exempt for exempt in EXEMPT if not any(_exempts(exempt, action) for _, action in missing)}
    assert not idle, "these are asked for no longer, or allowed"


def _exempts(exempt: str, action: str) -> bool:
    """A whole service, or what a schema asks for in the same letters: its own wildcard hides no action it names."""
    return matches(exempt, action) if exempt.endswith(":*") else exempt == action


def test_cloudformation_may_nothing_that_no_schema_asks_for_and_no_reason_explains() -> None:
    allowed = {a for each in policies("CloudFormation") for s in each["Statement"] for a in listed(s["Action"])}
    assert allowed - {action for _, action in handlers()} == UNSAID.keys()


def test_actions_are_named_in_full_and_all_policies_are_ours() -> None:
    roles = [name for name, each in made().items() if each["Type"] == "AWS::IAM::Role"]
    actions = {a for role in roles for each in policies(role) for s in each["Statement"] for a in listed(s["Action"])}
    assert {action for action in actions if "*" in action} == {
        "autoscaling:Describe*",
        "ec2:Describe*",
        "elasticloadbalancing:Describe*",
    }
    attached = {arn for role in roles for arn in made()[role]["Properties"].get("ManagedPolicyArns", [])}
    assert attached == {"<Look>", "<Deploy>"}


def test_every_wildcard_resource_says_why() -> None:
    """A statement on ``*`` follows a comment."""
    text = ROLES.read_text("utf-8")
    for block in re.split(r"(?=^ +- Sid: )", text, flags=re.MULTILINE)[1:]:
        if 'Resource: "*"' in block:
            sid = re.match(r" +- Sid: (\w+)", block)
            assert sid is not None
            before = text[: text.index(f"Sid: {sid[1]}")].splitlines()[-2]
            assert before.strip().startswith("#"), sid[1]


def test_arns_of_load_balancers_reach_ours_only() -> None:
    ours = ARN.format("elasticloadbalancing") + "loadbalancer/app/cq-*"
    assert arn_matches(ours, ARN.format("elasticloadbalancing") + "loadbalancer/app/cq-eth-0001-prod-int/1")
    assert not arn_matches(ours, ARN.format("elasticloadbalancing") + "loadbalancer/app/shop/1")
