"""The whole process under the roles of ``roles.yaml``, in a local AWS that checks signatures and policies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from coinquery.aws import Aws
from coinquery.local import environment
from coinquery.local import world as local_world
from tests.chaos.proxy import LOOKS
from tests.guarded import Guarded, kept_environment
from tests.teams import REGION, Team
from tests.worlds import World, child_environment, free_state

pytestmark = pytest.mark.timeout(900)  # the whole process, some thirty commands

COIN = "perm"
FIRST, SECOND = f"cq-{COIN}-0001-prod", f"cq-{COIN}-0002-prod"
WHERE = ("--region", REGION, "--yes")

#: What the deployer may do and the day below does not need.
NOT_IN_THE_DAY = {
    "cloudformation:DescribeStackEvents": "says why a stack failed",
    "cloudformation:SetStackPolicy": "completes a protection that somebody took away",
    "cloudformation:TagResource": "no call of its own: AWS asks for it when a stack is created with tags",
    "ec2:DescribeSnapshots": "a coin that begins from a snapshot",
    "elasticloadbalancing:DescribeTargetHealth": "the proof below production",
    "iam:PassRole": "no call of its own: AWS asks for it when a stack is created under a role",
    "kms:Decrypt": "secrets that are encrypted with a key of the team's own",
    "organizations:DescribeOrganization": "cq check, where somebody goes free of the guard",
    "organizations:DescribePolicy": "cq check, in an organisation",
    "organizations:ListParents": "cq check, in an organisation",
    "organizations:ListPoliciesForTarget": "cq check, in an organisation",
}


#: What a deploy needs one after the other, each of which is taken away once: the same command carries on.
IN_A_SWITCH = (
    "logs:CreateLogStream",
    "cloudformation:GetStackPolicy",
    "lambda:InvokeFunction",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "route53:ChangeResourceRecordSets",
    "ssm:DeleteParameters",
    "route53:GetChange",
)
#: The same of a retirement.
IN_A_RETIREMENT = (
    "cloudwatch:GetMetricStatistics",
    "logs:GetLogEvents",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "cloudformation:UpdateTerminationProtection",
    "cloudformation:DeleteStack",
)


@dataclass(frozen=True)
class Day:
    """The deployer's day: the world, and the credentials with which every command was run."""

    guarded: Guarded
    deployer: dict[str, str]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A world whose roles an administrator made by ``cq bootstrap``."""
    with kept_environment(), free_state(tmp_path_factory.mktemp("guarded")) as free:
        state = replace(free, guarded=True)
        try:
            local_world.up(state, print)
            team = Team.form(World(state, child_environment(state), Aws()), tmp_path_factory.mktemp("team"))
            team.coin(COIN)
            found = Guarded(team)
            found.translate()
            yield found
        finally:
            local_world.down(state)


def must(guarded: Guarded, role: dict[str, str], *arguments: str) -> str:
    """What a command prints that must end well."""
    ran = guarded.team.run(*arguments, **role)
    assert ran.returncode == 0, f"cq {' '.join(arguments)}: {ran.stderr}"
    return ran.stdout


def refused(guarded: Guarded, action: str, *arguments: str) -> None:
    """With one action taken away the command names it, and ends with the code of something that must be set right."""
    ran = guarded.team.run(*arguments, **guarded.session("coinquery-deployer", without=action))
    assert ran.returncode == 2, f"without {action}: {ran.stderr}"
    said = ran.stderr[ran.stderr.index("\ncq: ") if "\ncq: " in ran.stderr else 0 :]
    assert f"AWS does not permit {action} to arn:aws:sts::" in said
    assert "assumed-role/coinquery-deployer/jane" in said
    assert "docs/permissions.md" in said
    assert "Traceback" not in ran.stderr


@pytest.fixture(scope="module")
def day(guarded: Guarded) -> Day:
    """The whole process as the deployer, from the first stack to a retirement; on the way, what is refused."""
    role = guarded.session("coinquery-deployer")
    must(guarded, role, "release", "create", COIN, "v1.2.0")
    must(guarded, role, "release", "list")
    must(guarded, role, "deploy", COIN, "--release", "v1.0.0", *WHERE)
    for action in IN_A_SWITCH:
        refused(guarded, action, "deploy", COIN, "--release", "v1.1.0", *WHERE)
    must(guarded, role, "deploy", COIN, "--release", "v1.1.0", *WHERE)
    for arguments in (("check",), ("find", "127.0.0.9")):  # one misses regions, the other finds nothing
        ran = guarded.team.run(*arguments, **role)
        assert "does not permit" not in ran.stdout + ran.stderr
    must(guarded, role, "ls")
    must(guarded, role, "status", FIRST)
    must(guarded, role, "dns", "show", COIN)
    must(guarded, role, "history")
    must(guarded, role, "history", FIRST)
    must(guarded, role, "monitor", "run", "--once", "--region", REGION)
    must(guarded, role, "monitor", "silence", FIRST, "--for", "1h", "--why", "new disks")
    must(guarded, role, "monitor", "silences")
    must(guarded, role, "monitor", "silence", FIRST, "--end")
    refused(guarded, "route53:ChangeResourceRecordSets", "rollback", COIN, "--yes")
    must(guarded, role, "rollback", COIN, "--yes")
    time.sleep(12)
    for action in IN_A_RETIREMENT:
        refused(guarded, action, "retire", SECOND, "--name", SECOND)
    must(guarded, role, "retire", SECOND, "--name", SECOND)
    return Day(guarded, role)


def test_the_deployer_may_do_what_the_day_needs_and_no_more(day: Day) -> None:
    used = day.guarded.used("coinquery-deployer")
    assert day.guarded.actions("coinquery-deployer") - used == set(NOT_IN_THE_DAY)
    assert used <= day.guarded.actions("coinquery-deployer")


def test_nobody_was_refused_but_those_who_had_to_be(day: Day) -> None:
    """The monitor's function, which works under its own role, included."""
    denied = [call for call in day.guarded.calls() if call["status"] == 403 and call["service"] != "s3"]
    keys = {call["access_key"] for call in denied}
    assert day.deployer["AWS_ACCESS_KEY_ID"] not in keys
    assert {call["action"] for call in denied} <= {
        *IN_A_SWITCH,
        *IN_A_RETIREMENT,
    }


def test_the_roles_of_stacks_are_bounded(day: Day) -> None:
    (stack,) = day.guarded.team.world.aws.cloudformation(REGION).describe_stacks(StackName=FIRST)["Stacks"]
    made = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
    assert made["PermissionsBoundary"].endswith(":policy/coinquery/coinquery-boundary")


@pytest.mark.parametrize(
    ("action", "command"),
    [
        ("cloudformation:DescribeStacks", ("ls",)),
        ("route53:ListResourceRecordSets", ("dns", "show", COIN)),
        ("ssm:GetParametersByPath", ("find", SECOND)),
        ("ssm:GetParameter", ("deploy", COIN, "--release", "v1.2.0", "--region", REGION, "--plan")),
        ("route53:GetHostedZone", ("deploy", COIN, "--release", "v1.2.0", "--region", REGION, "--plan")),
        ("logs:FilterLogEvents", ("history",)),
        ("ec2:DescribeInstances", ("status", FIRST)),
        ("ec2:DescribeNetworkInterfaces", ("find", "127.0.0.9")),
        ("ecr:DescribeRepositories", ("deploy", COIN, "--release", "v1.2.0", "--region", REGION, "--plan")),
        ("acm:DescribeCertificate", ("deploy", COIN, "--release", "v1.2.0", "--region", REGION, "--plan")),
        ("ecr:DescribeImages", ("deploy", COIN, "--release", "v1.2.0", "--region", REGION, "--plan")),
        ("ssm:PutParameter", ("deploy", COIN, "--release", "v1.1.0", "--new", *WHERE)),
        ("logs:PutLogEvents", ("deploy", COIN, "--release", "v1.1.0", "--new", *WHERE)),
        ("cloudformation:CreateStack", ("deploy", COIN, "--release", "v1.1.0", "--new", *WHERE)),
    ],
)
def test_a_missing_permission_is_named(day: Day, action: str, command: tuple[str, ...]) -> None:
    refused(day.guarded, action, *command)


@pytest.mark.parametrize(
    "action",
    [
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListEntitiesForPolicy",
        "iam:ListRoles",
        "iam:ListUsers",
        "secretsmanager:GetSecretValue",
    ],
)
def test_a_check_names_the_permission_that_it_misses(day: Day, action: str) -> None:
    ran = day.guarded.team.run("check", **day.guarded.session("coinquery-deployer", without=action))
    assert ran.returncode == 1
    assert f"AWS does not permit {action} to arn:aws:sts::" in ran.stdout


def test_who_may_only_look_sees_everything_and_changes_nothing(day: Day) -> None:
    role = day.guarded.session("coinquery-read-only")
    for command in (("ls",), ("status", FIRST), ("find", FIRST), ("dns", "show", COIN), ("history",)):
        must(day.guarded, role, *command)
    ran = day.guarded.team.run("retire", FIRST, "--name", FIRST, **role)
    assert ran.returncode in (2, 3)
    ran = day.guarded.team.run("deploy", COIN, "--release", "v1.0.0", "--new", *WHERE, **role)
    assert ran.returncode == 2
    assert "AWS does not permit ssm:PutParameter to" in ran.stderr
    assert environment.ROOT["AWS_ACCESS_KEY_ID"] not in ran.stderr
    own = [call for call in day.guarded.calls() if call["access_key"] == role["AWS_ACCESS_KEY_ID"]]
    changes = [call for call in own if not call["operation"].startswith(LOOKS)]
    assert {call["operation"] for call in changes} >= {"PutParameter"}, "it was tried"
    assert [call for call in changes if call["status"] < 400] == []
