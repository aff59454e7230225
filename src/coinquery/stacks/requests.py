"""Whether a stack still gets requests: asked of CloudWatch, where no traffic is no data, and no data is no proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from coinquery.durations import Duration

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_cloudwatch import CloudWatchClient

    from coinquery.stacks.stack import Stack

NAMESPACE = "AWS/ApplicationELB"
MINUTE = 60
#: How late metrics may be: with later ones nobody knows of the last requests of a window.
LATE = Duration(180)


@dataclass(frozen=True)
class Traffic:
    """Requests to a stack's target groups in a window; ``known`` only if other metrics of its end are there."""

    requests: int
    known: bool


def traffic(cloudwatch: CloudWatchClient, stack: Stack, window: Duration, now: datetime) -> Traffic:
    """Count the requests of the last ``window``.

    ``RequestCount`` is absent without traffic, so ``HealthyHostCount`` proves that metrics flow, up to LATE ago.
    Windows under a minute need metrics of high resolution; AWS's own have one value a minute, so there such a window
    is never known. A stack without target groups gets no requests.
    """
    counted, known = 0, True
    period = min(window.seconds, MINUTE)
    latest = now - timedelta(seconds=min(window, LATE).seconds + period)
    for prefix in (kind for kind in ("", "Internal") if stack.outputs.get(f"{kind}TargetGroupArn")):
        balancer = stack.output(f"{prefix}LoadBalancerArn")
        dimensions = {
            "TargetGroup": stack.outputs[f"{prefix}TargetGroupArn"].rpartition(":")[2],
            "LoadBalancer": balancer.partition(":loadbalancer/")[2],
        }
        values = partial(_values, cloudwatch, dimensions=dimensions, window=window, period=period, now=now)
        counted += int(sum(values("RequestCount").values()))
        known = known and any(time >= latest for time in values("HealthyHostCount"))
    return Traffic(counted, known)


def _values(
    cloudwatch: CloudWatchClient,
    metric: str,
    *,
    dimensions: dict[str, str],
    window: Duration,
    period: int,
    now: datetime,
) -> dict[datetime, float]:
    """The sums of a metric by when their period began."""
    answer = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(seconds=window.seconds),
        EndTime=now,
        Period=period,
        Statistics=["Sum"],
    )
    return {point["Timestamp"]: point["Sum"] for point in answer["Datapoints"] if "Sum" in point}
