"""What CloudWatch makes of a metric alarm at a moment, by the rules of its user guide.

"Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data": of the newest N periods that are
over, M must be breaching; a period without data counts as ``TreatMissingData`` says, and with ``ignore`` the alarm
stays as it is where it can't be decided. (ministack looks at alarms when a metric is put, and knows neither M nor
missing data nor dimensions.)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "LessThanThreshold": operator.lt,
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
}


def state(cloudwatch: CloudWatchClient, alarm: Mapping[str, Any], now: datetime, before: str) -> str:
    """``OK`` or ``ALARM``, at ``now``, a whole minute; ``before`` is the state until then."""
    values = _values(cloudwatch, alarm, now)
    compare, treat = _COMPARE[alarm["ComparisonOperator"]], alarm["TreatMissingData"]
    breaching = sum(value is not None and compare(value, alarm["Threshold"]) for value in values)
    missing = values.count(None)
    if breaching + (missing if treat == "breaching" else 0) >= alarm.get("DatapointsToAlarm", len(values)):
        return "ALARM"
    return before if treat == "ignore" and missing else "OK"


def _values(cloudwatch: CloudWatchClient, alarm: Mapping[str, Any], now: datetime) -> list[float | None]:
    period, count = timedelta(seconds=alarm["Period"]), alarm["EvaluationPeriods"]
    answer = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        Period=alarm["Period"],
        StartTime=now - period * count,
        EndTime=now,
        Statistics=[alarm["Statistic"]],
    )
    points: list[Any] = answer["Datapoints"]
    found: dict[datetime, float] = {point["Timestamp"]: point[alarm["Statistic"]] for point in points}
    return [found.get(now - period * (count - index)) for index in range(count)]
