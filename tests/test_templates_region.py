"""What a region has once: its network and its monitor, as written."""

from __future__ import annotations

import pytest

from tests import templates
from tests.templates import MONITOR, NETWORK, listed


def test_i15_the_monitor_changes_nothing_but_its_records() -> None:
    role = templates.resources(MONITOR)["Role"]["Properties"]
    statements = {each["Sid"]: each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]}
    changing = {sid for sid, each in statements.items() if not all(_reads(action) for action in listed(each["Action"]))}
    assert changing == {"WriteRecords", "WriteTheFunctionsLog", "StandInTheNetwork", "ButNotFromWithin"}
    denied = statements["ButNotFromWithin"]
    assert denied["Effect"] == "Deny"
    assert set(denied["Action"]) == set(statements["StandInTheNetwork"]["Action"])
    assert denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"].endswith(":function:coinquery-monitor")


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
    assert (
        templates.resources(MONITOR, IsHomeRegion="true")["Journal"]["Properties"]["LogGroupName"]
        == "/coinquery/journal"
    )
    assert "Journal" not in templates.resources(MONITOR, IsHomeRegion="false")


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
