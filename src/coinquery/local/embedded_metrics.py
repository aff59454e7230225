"""The Embedded Metric Format, which CloudWatch Logs turns into metrics and ministack does not.

As the CloudWatch User Guide specifies it ("Specification: Embedded metric format"): a log line that is one JSON object
with the member ``_aws`` makes one data point for each of its metrics and dimension sets. A line that is not as
specified is a log line and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef

    from coinquery.local.calls import Call

#: Data points of one PutMetricData; so few that boto3 does not compress the request.
BATCH = 25
#: CloudWatch takes values up to this one.
LARGEST = 2.0**360

_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits",
          "Terabits", "Count")  # fmt: skip
UNITS = {"Seconds", "Microseconds", "Milliseconds", "Percent", "None", *_SIZES, *(f"{size}/Second" for size in _SIZES)}

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Value = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Number = int | float
_Numbers = _Number | Annotated[list[_Number], msgspec.Meta(min_length=1, max_length=100)]


class _Definition(msgspec.Struct, rename="pascal"):
    name: _Name
    unit: str = "None"
    storage_resolution: Literal[1, 60] = 60


class _Directive(msgspec.Struct, rename="pascal"):
    namespace: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern="^(?!AWS/)")]
    dimensions: Annotated[
        list[Annotated[list[_Name], msgspec.Meta(max_length=30)]], msgspec.Meta(min_length=1, max_length=100)
    ]
    metrics: Annotated[list[_Definition], msgspec.Meta(max_length=100)]


class _Metadata(msgspec.Struct):
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)] = msgspec.field(name="Timestamp")
    directives: list[_Directive] = msgspec.field(name="CloudWatchMetrics")


def publish(cloudwatch: CloudWatchClient, call: Call) -> None:
    """Put the metrics that the lines of a PutLogEvents carry."""
    for namespace, data in _by_namespace(call.parameters).items():
        rest = iter(data)
        while batch := list(islice(rest, BATCH)):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch)


def read(line: str) -> list[tuple[str, MetricDatumTypeDef]]:
    """The data points of one log line, each with its namespace; none of a line that is not as specified."""
    try:
        members = msgspec.json.decode(line, type=dict[str, Any])
        metadata = msgspec.convert(members.get("_aws"), _Metadata)
        return [point for each in metadata.directives for point in _points(each, metadata.timestamp, members)]
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError, KeyError):
        return []


def _by_namespace(parameters: Mapping[str, Any]) -> dict[str, list[MetricDatumTypeDef]]:
    found: dict[str, list[MetricDatumTypeDef]] = defaultdict(list)
    for event in parameters.get("logEvents", ()):
        for namespace, point in read(event["message"]):
            found[namespace].append(point)
    return found


def _points(
    directive: _Directive, timestamp: int, members: Mapping[str, Any]
) -> Iterator[tuple[str, MetricDatumTypeDef]]:
    """One for each metric and dimension set. Raises ValidationError or KeyError for a target that is not there."""
    for keys in directive.dimensions:
        dimensions = {key: msgspec.convert(members[key], _Value) for key in keys}
        for definition in directive.metrics:
            value = msgspec.convert(members[definition.name], _Numbers)
            yield directive.namespace, _datum(definition, timestamp, dimensions, value)


def _datum(
    definition: _Definition, timestamp: int, dimensions: Mapping[str, str], value: float | list[float]
) -> MetricDatumTypeDef:
    if definition.unit not in UNITS:
        raise msgspec.ValidationError(f"{definition.unit!r} is not a unit")
    if any(abs(number) > LARGEST for number in (value if isinstance(value, list) else [value])):
        raise msgspec.ValidationError("a value is out of CloudWatch's range")
    point: MetricDatumTypeDef = {
        "MetricName": definition.name,
        "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
        "Timestamp": datetime.fromtimestamp(timestamp / 1000, UTC),
        "Unit": definition.unit,  # type: ignore[typeddict-item]
        "StorageResolution": definition.storage_resolution,
    }
    if isinstance(value, list):
        point["Values"] = value
    else:
        point["Value"] = value
    return point
