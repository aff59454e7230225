"""What a region has once: its network and its monitor, as written."""

from __future__ import annotations

from typing import Any

import pytest

from tests import templates
from tests.templates import MONITOR, NETWORK, listed


def statements(role: str, **parameters: str) -> dict[str, dict[str, Any]]:
    made = templates.resources(MONITOR, **parameters)[role]["Properties"]
    return {each["Sid"]: each for policy in made["Policies"] for each in policy["PolicyDocument"]["Statement"]}


def test_i15_the_monitor_changes_nothing_but_its_records() -> None:
    found = statements("Role")
    changing = {sid for sid, each in found.items() if not all(_reads(action) for action in listed(each["Action"]))}
    assert changing == {
        "DecryptAddressesInParameters",
        "DecryptSecretAddresses",
        "DecryptTheWebhook",
        "TellThePager",
        "WriteRecords",
        "WriteTheFunctionsLog",
        "StandInTheNetwork",
        "ButNotFromWithin",
    }
    denied = found["ButNotFromWithin"]
    assert denied["Effect"] == "Deny"
    assert set(denied["Action"]) == set(found["StandInTheNetwork"]["Action"])
    assert denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"].endswith(":function:coinquery-monitor")


def test_i15_who_tells_of_attempts_changes_nothing() -> None:
    found = statements("AttemptsRole")
    changing = {sid for sid, each in found.items() if not all(_reads(action) for action in listed(each["Action"]))}
    assert changing == {"DecryptTheWebhook", "TellThePager", "WriteTheFunctionsLog"}
    assert found["TellThePager"]["Resource"] == "<Alerts>"
    assert "VpcConfig" not in templates.resources(MONITOR)["Attempts"]["Properties"]


@pytest.mark.parametrize("role", ["Role", "AttemptsRole"])
@pytest.mark.parametrize(
    ("store", "name", "resource"),
    [
        ("none", "", "secretsmanager:eu-west-1:123456789012:secret:-??????"),
        ("secretsmanager", "cq/slack", "secretsmanager:eu-west-1:123456789012:secret:cq/slack-??????"),
        ("ssm", "/cq/slack", "ssm:eu-west-1:123456789012:parameter/cq/slack"),
    ],
)
def test_i14_they_may_read_the_webhook_and_no_other_secret(role: str, store: str, name: str, resource: str) -> None:
    found = statements(role, HomeRegion="eu-west-1", IsHomeRegion="false", WebhookStore=store, WebhookName=name)
    assert found["ReadTheWebhook"]["Resource"] == f"arn:aws:{resource}"
    via = found["DecryptTheWebhook"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert via.startswith(f"{store}.eu-west-1.")


def test_a_trail_is_made_only_where_there_is_none() -> None:
    """CloudTrail's first copy of a region's management events is free, a second one is not."""
    kinds = {"AWS::CloudTrail::Trail", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
    assert not kinds & {each["Type"] for each in templates.resources(MONITOR).values()}
    made = {each["Type"]: each["Properties"] for each in templates.resources(MONITOR, Trail="create").values()}
    assert kinds <= set(made)
    trail = made["AWS::CloudTrail::Trail"]
    assert trail["EventSelectors"] == [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
    assert (trail["IsLogging"], trail["IsMultiRegionTrail"]) == (True, False)
    source = f":cloudtrail:us-east-1:123456789012:trail/{trail['TrailName']}"
    allowed = [s for s in made["AWS::S3::BucketPolicy"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert all(each["Condition"]["StringEquals"]["aws:SourceArn"].endswith(source) for each in allowed)


def test_only_alarms_of_this_account_and_who_tells_of_attempts_may_page() -> None:
    [policy] = [e["Properties"] for e in templates.resources(MONITOR).values() if e["Type"] == "AWS::SNS::TopicPolicy"]
    alarms, attempts = policy["PolicyDocument"]["Statement"]
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert attempts["Principal"] == {"AWS": "<AttemptsRole.Arn>"}


def _reads(action: str) -> bool:
    return action.split(":")[1].startswith(("Describe", "Get", "List"))


def test_sweeps_never_overlap_and_are_never_made_up_for() -> None:
    made = {key: value["Properties"] for key, value in templates.resources(MONITOR).items()}
    assert made["Function"]["ReservedConcurrentExecutions"] == 1
    assert made["Function"]["Timeout"] < 60
    assert made["Schedule"]["ScheduleExpression"] == "rate(1 minute)"
    late = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert made["Invocation"].items() >= late.items()
    assert made["Schedule"]["Targets"][0]["RetryPolicy"] == late
    none = templates.resources(MONITOR, ReservedConcurrency="none")["Function"]["Properties"]
    assert "ReservedConcurrentExecutions" not in none


def test_the_journal_is_kept_in_the_home_region() -> None:
    journal = templates.resources(MONITOR, HomeRegion="us-east-1", IsHomeRegion="true")["Journal"]["Properties"]
    assert journal["LogGroupName"] == "/coinquery/journal"
    assert "Journal" not in templates.resources(MONITOR, HomeRegion="eu-west-1", IsHomeRegion="false")


@pytest.mark.parametrize(("nat", "gateways"), [("each-zone", 2), ("one", 1), ("none", 0)])
def test_nat_is_as_many_as_asked_for(nat: str, gateways: int) -> None:
    made = templates.resources(NETWORK, Nat=nat)
    assert [each["Type"] for each in made.values()].count("AWS::EC2::NatGateway") == gateways
    assert ("PrivateDefaultRouteA" in made) == ("PrivateDefaultRouteB" in made) == (gateways > 0)


@pytest.mark.parametrize(("nodes", "routes"), [("public", "<PublicRoutes>"), ("private", "<PrivateRoutesA>")])
def test_nodes_are_public_only_if_asked_for(nodes: str, routes: str) -> None:
    made = templates.resources(NETWORK, Nodes=nodes)
    assert made["NodeSubnetARoutes"]["Properties"]["RouteTableId"] == routes
    assert made["PrivateSubnetARoutes"]["Properties"]["RouteTableId"] == "<PrivateRoutesA>"
