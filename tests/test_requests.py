"""Whether a stack still gets requests: no data is no traffic only where metrics flow (I6, I13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from coinquery.durations import Duration
from coinquery.stacks.requests import Traffic, traffic

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/cq-eth-0001-prod/1"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/cq-eth-0001-prod/2"
STACK: Any = SimpleNamespace(
    outputs={"TargetGroupArn": GROUP, "LoadBalancerArn": BALANCER}, output=lambda key: BALANCER
)


def _cloudwatch(requests: dict[float, float], hosts: dict[float, float]) -> Any:
    """A CloudWatch that has these values, by how many minutes ago their minute began."""

    def answer(**asked: Any) -> Any:
        values = requests if asked["MetricName"] == "RequestCount" else hosts
        points = {NOW - timedelta(minutes=ago): value for ago, value in values.items()}
        seen = {time: value for time, value in points.items() if asked["StartTime"] <= time < asked["EndTime"]}
        return {"Datapoints": [{"Timestamp": time, "Sum": value} for time, value in seen.items()]}

    return SimpleNamespace(get_metric_statistics=answer)


@pytest.mark.parametrize(
    ("requests", "hosts", "seen"),
    [
        ({}, {1: 2.0, 2: 2.0}, Traffic(0, known=True)),
        ({}, {4: 2.0}, Traffic(0, known=True)),
        ({}, {5: 2.0, 6: 2.0}, Traffic(0, known=False)),
        ({}, {}, Traffic(0, known=False)),
        ({3: 5.0, 9: 2.0, 11: 100.0}, {1: 2.0}, Traffic(7, known=True)),
    ],
)
def test_i6_no_requests_are_believed_only_up_to_where_metrics_are(
    requests: dict[float, float], hosts: dict[float, float], seen: Traffic
) -> None:
    assert traffic(_cloudwatch(requests, hosts), STACK, Duration(600), NOW) == seen


def test_a_stack_without_target_groups_gets_no_requests() -> None:
    nothing: Any = SimpleNamespace(outputs={})
    assert traffic(_cloudwatch({}, {}), nothing, Duration(600), NOW) == Traffic(0, known=True)
