"""What CloudFormation is asked for when a stack is created."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from coinquery import naming
from coinquery.stacks import create

ROLE = "arn:aws:iam::123456789012:role/coinquery/coinquery-cloudformation"


class Recorder:
    """Keeps the request; CloudFormation's own answer is not looked at."""

    class exceptions:  # noqa: N801 - as boto3 names it
        AlreadyExistsException = KeyError

    def create_stack(self, **request: Any) -> None:
        self.request = request


def asked(role: str) -> dict[str, Any]:
    recorder: Any = Recorder()
    create.create(recorder, naming.StackName("eth", 1, "prod"), {}, {"rollout": "r"}, role)
    return dict(recorder.request)


@pytest.mark.parametrize(("role", "given"), [(ROLE, {"RoleARN": ROLE}), ("", {})])
def test_a_stack_has_cloudformations_role_where_the_account_has_it(role: str, given: dict[str, str]) -> None:
    assert {key: value for key, value in asked(role).items() if key == "RoleARN"} == given


STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/cq-eth-0001-prod/1"


def _event(minute: int, resource: str, status: str, reason: str = "", *, itself: bool = False) -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "LogicalResourceId": resource,
        "PhysicalResourceId": STACK_ID if itself else resource,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
    }


#: Oldest first; CloudFormation gives them newest first.
EVENTS = [
    _event(0, "cq-eth-0001-prod", "CREATE_IN_PROGRESS", itself=True),
    _event(1, "Service", "CREATE_FAILED", "long ago"),
    _event(2, "Cluster", "DELETE_IN_PROGRESS"),
    _event(3, "cq-eth-0001-prod", "DELETE_IN_PROGRESS", itself=True),
    _event(4, "Zone", "DELETE_FAILED", "Resource deletion cancelled"),
    _event(5, "Balancer", "DELETE_FAILED", "it is protected"),
    _event(6, "Group", "DELETE_FAILED", "it is in use"),
    _event(7, "cq-eth-0001-prod", "DELETE_FAILED", "The following resources failed", itself=True),
]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (EVENTS, "Balancer: it is protected"),
        (EVENTS[:3], "Service: long ago"),
        (EVENTS[:1], "CloudFormation names no resource that failed"),
    ],
)
def test_the_first_failure_is_one_of_the_last_operation(events: list[dict[str, Any]], told: str) -> None:
    page = {"StackEvents": events[::-1]}
    cloudformation: Any = SimpleNamespace(
        get_paginator=lambda operation: SimpleNamespace(paginate=lambda **stack: [page])
    )
    assert create.first_failure(cloudformation, "cq-eth-0001-prod") == told


def test_i5_production_is_protected_in_the_same_request() -> None:
    request = asked(ROLE)
    assert request["EnableTerminationProtection"] is True
    assert "Update:*" in request["StackPolicyBody"]
