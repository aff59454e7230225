"""What CloudFormation is asked for when a stack is created."""

from __future__ import annotations

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


def test_i5_production_is_protected_in_the_same_request() -> None:
    request = asked(ROLE)
    assert request["EnableTerminationProtection"] is True
    assert "Update:*" in request["StackPolicyBody"]
