"""The Embedded Metric Format at the local CloudWatch: what its specification says, and nothing of a bad line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.local.embedded_metrics import read
from tests.worlds import World

TIME = 1_795_496_467_000


def line(members: dict[str, Any], **directive: Any) -> str:
    whole = {"Namespace": "Test", "Dimensions": [["stack"]], "Metrics": [{"Name": "lag"}], **directive}
    return json.dumps({"_aws": {"Timestamp": TIME, "CloudWatchMetrics": [whole]}, **members})


GOOD = {"stack": "one", "lag": 3}


def test_one_metric_for_each_definition_and_dimension_set() -> None:
    found = read(
        line(
            {"stack": "one", "coin": "eth", "lag": 3, "took": [0.5, 2]},
            Dimensions=[["stack", "coin"], []],
            Metrics=[{"Name": "lag", "Unit": "Count"}, {"Name": "took", "Unit": "Seconds", "StorageResolution": 1}],
        )
    )
    both = [{"Name": "stack", "Value": "one"}, {"Name": "coin", "Value": "eth"}]
    common = {"Timestamp": datetime.fromtimestamp(TIME / 1000, UTC)}
    lag = {"MetricName": "lag", "Unit": "Count", "StorageResolution": 60, "Value": 3, **common}
    took = {"MetricName": "took", "Unit": "Seconds", "StorageResolution": 1, "Values": [0.5, 2], **common}
    assert found == [("Test", {**metric, "Dimensions": keys}) for keys in (both, []) for metric in (lag, took)]


def test_without_a_unit_the_unit_is_none_and_the_resolution_a_minute() -> None:
    [(namespace, point)] = read(line(GOOD))
    assert (namespace, point.get("Unit"), point.get("StorageResolution")) == ("Test", "None", 60)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "up 1",
        "[" + line(GOOD) + "]",
        json.dumps(GOOD),
        json.dumps({**GOOD, "_aws": None}),
        json.dumps({**GOOD, "_aws": {"Timestamp": TIME}}),
        line(GOOD).replace(str(TIME), '"now"'),
        line({"stack": "one"}),
        line({"lag": 3}),
        line({**GOOD, "lag": None}),
        line({**GOOD, "lag": True}),
        line({**GOOD, "lag": "3"}),
        line({**GOOD, "lag": {}}),
        line({**GOOD, "lag": []}),
        line({**GOOD, "lag": [1] * 101}),
        line({**GOOD, "lag": 3}).replace('"lag": 3', '"lag": NaN'),
        line({**GOOD, "lag": 10**120}),
        line({**GOOD, "stack": 1}),
        line({**GOOD, "stack": ""}),
        line(GOOD, Namespace=""),
        line(GOOD, Namespace="AWS/EC2"),
        line(GOOD, Dimensions=[]),
        line(GOOD, Dimensions=["stack"]),
        line({**GOOD, **{f"d{n}": "x" for n in range(31)}}, Dimensions=[[f"d{n}" for n in range(31)]]),
        line(GOOD, Metrics=[{"Name": "lag"}] * 101),
        line(GOOD, Metrics=[{"Name": "lag", "Unit": "Parsecs"}]),
        line(GOOD, Metrics=[{"Name": "lag", "StorageResolution": 5}]),
        '{"_aws":' + "[" * 5000,
    ],
)
def test_a_line_that_is_not_as_specified_makes_no_metric(bad: str) -> None:
    assert read(bad) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(st.text(max_size=200) | JSON.map(json.dumps) | JSON.map(lambda aws: json.dumps({**GOOD, "_aws": aws})))
def test_no_line_does_harm(text: str) -> None:
    assert read(text) == []


@pytest.mark.local_aws
def test_lines_become_metrics_of_their_region_by_their_own_time_and_dimensions(world: World) -> None:
    region, group, stream = "eu-metrics-1", "/test", "one"
    logs, cloudwatch = world.aws.logs(region), world.aws.cloudwatch(region)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    then = now - timedelta(minutes=30)
    texts = [line({"stack": stack, "lag": lag}) for stack, lag in (("one", 3), ("one", 5), ("two", 7))] * 30
    texts = [text.replace(str(TIME), str(int(then.timestamp() * 1000))) for text in texts] + ["no metric"]
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": int(now.timestamp() * 1000), "message": text} for text in texts],
    )
    for stack, total, largest in (("one", 240, 5), ("two", 210, 7)):
        [point] = cloudwatch.get_metric_statistics(
            Namespace="Test", MetricName="lag", Dimensions=[{"Name": "stack", "Value": stack}], Period=60,
            StartTime=then - timedelta(minutes=5), EndTime=now, Statistics=["Sum", "Maximum"],
        )["Datapoints"]  # fmt: skip
        assert (point["Timestamp"], point["Sum"], point["Maximum"]) == (then, total, largest)
    assert world.aws.cloudwatch("eu-metrics-2").list_metrics(Namespace="Test")["Metrics"] == []
    kept = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert [event.get("message") for event in kept] == texts
