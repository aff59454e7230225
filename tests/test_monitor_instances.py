"""The monitor looks only at production (I15)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.instances import find, of_production

GOOD = "cq-eth-0001-prod"
LAUNCHED = datetime(2026, 11, 24, tzinfo=UTC)


def described(name: str, stack: str | None = None, state: str = "running") -> dict[str, Any]:
    tags = {"Name": name, "coinquery:stack": name if stack is None else stack, "coinquery:commit": "f" * 40}
    return {
        "InstanceId": "i-0a",
        "PrivateIpAddress": "10.64.0.7",
        "LaunchTime": LAUNCHED,
        "State": {"Name": state},
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def test_i15_an_instance_of_production_is_looked_at() -> None:
    instance = of_production(described(GOOD))
    assert instance is not None
    assert (instance.id, str(instance.stack), instance.address) == ("i-0a", GOOD, "10.64.0.7")
    assert (instance.commit, instance.release, instance.launched) == ("f" * 40, None, LAUNCHED)


@pytest.mark.parametrize(
    "name",
    ["cq-eth-0001-stage", "cq-eth-0001-dev", "cq-eth-0001-test", "cq-eth-0001-prod-x", "cq-eth-0001-prod ",
     "cq-eth-0000-prod", "cq-eth-01-prod", "cq-ETH-0001-prod", "xcq-eth-0001-prod", "cq-eth-0001-production",
     "cq--prod", "cq-eth-0001-prod\n", "cq-eth-\u0660\u0660\u0660\u0661-prod", "*", ""],
)  # fmt: skip
def test_i15_near_misses_of_production_are_not_looked_at(name: str) -> None:
    assert of_production(described(name)) is None


@pytest.mark.parametrize("stack", ["", "cq-eth-0002-prod", "cq-eth-0001-stage", GOOD + " "])
def test_i15_a_name_that_the_stack_tag_does_not_bear_out_is_not_looked_at(stack: str) -> None:
    assert of_production(described(GOOD, stack)) is None


@pytest.mark.parametrize("state", ["shutting-down", "terminated", "stopping", "stopped", "", "Running"])
def test_i15_what_does_not_run_is_not_looked_at(state: str) -> None:
    assert of_production(described(GOOD, state=state)) is None


def test_i15_an_instance_without_tags_or_state_is_not_looked_at() -> None:
    assert of_production({"InstanceId": "i-0a", "LaunchTime": LAUNCHED}) is None
    assert of_production({**described(GOOD), "State": {}}) is None
    assert of_production({**described(GOOD), "Tags": [{"Key": "Name", "Value": GOOD}]}) is None


edits = st.tuples(
    st.integers(0, len(GOOD)), st.sampled_from(["", "-", "x", "0", "9", "A", " ", "\t", "_", "prod", "*"])
)


@given(st.lists(edits, min_size=1, max_size=3), st.integers(0, 2))
def test_i15_only_exact_production_names_pass(changes: list[tuple[int, str]], cut: int) -> None:
    name = GOOD
    for place, text in changes:
        name = name[:place] + text + name[place + cut :]
    found = of_production(described(name))
    assert (found is not None) == bool(re.fullmatch(r"cq-[a-z0-9]{1,14}-(?!0000)[0-9]{4}-prod", name, re.ASCII))


@given(st.text(max_size=40), st.text(max_size=40))
def test_i15_any_other_text_is_passed_over(name: str, stack: str) -> None:
    assert of_production(described(name, stack)) is None


def test_i15_all_pages_are_read_and_filtered_again() -> None:
    ec2 = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    filters = [
        {"Name": "tag:Name", "Values": ["cq-*-prod*"]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    pages = [("", GOOD, "two"), ("two", "cq-eth-0001-prod-x", "three"), ("three", "cq-btc-0003-prod", "")]
    with Stubber(ec2) as stubbed:
        for token, name, following in pages:
            answer: dict[str, Any] = {"Reservations": [{"Instances": [described(name)]}]}
            expected: dict[str, Any] = {"Filters": filters, "MaxResults": 1000}
            stubbed.add_response(
                "describe_instances",
                {**answer, "NextToken": following} if following else answer,
                {**expected, "NextToken": token} if token else expected,
            )
        assert [str(instance.stack) for instance in find(ec2)] == [GOOD, "cq-btc-0003-prod"]
        stubbed.assert_no_pending_responses()
