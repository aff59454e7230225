"""Alarms on what the monitor writes: the dead man's switch, missed instances, an outage; one trouble is one message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest

from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import metrics, milliseconds
from tests import alarms, monitor_stack, templates
from tests.templates import COIN_STACK, MONITOR
from tests.worlds import World

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

REGION = "eu-alarms-1"
STACK = "cq-eth-0001-prod"
OTHER = "cq-eth-0002-prod"
MINUTE = timedelta(minutes=1)
#: The minute in which the sweeps of these tests begin.
FIRST = datetime.now(UTC).replace(second=0, microsecond=0) - 30 * MINUTE

# ---- As written


def of_monitor(**parameters: str) -> dict[str, dict[str, Any]]:
    made = templates.resources(MONITOR, HomeRegion="us-east-1", IsHomeRegion="true", **parameters).values()
    return {each["Properties"]["AlarmName"]: each["Properties"] for each in made if "CloudWatch" in each["Type"]}


def test_only_the_composite_alarm_pages_so_that_one_trouble_is_one_message() -> None:
    found = of_monitor()
    composite = found.pop("coinquery-monitor")
    assert composite["AlarmActions"] == composite["OKActions"] == ["<Alerts>"]
    assert len(found) == 4
    assert not any({"AlarmActions", "OKActions"} & set(each) for each in found.values())
    without = of_monitor(CompositeAlarm="no")
    assert set(without) == set(found)
    assert all(each["AlarmActions"] == each["OKActions"] == ["<Alerts>"] for each in without.values())


def test_only_production_pages_and_to_the_topic_of_its_region() -> None:
    alarm = templates.resources(COIN_STACK, STACK)["Outage"]["Properties"]
    topic = ["arn:aws:sns:us-east-1:123456789012:coinquery-alerts"]
    assert alarm["AlarmName"] == f"{STACK}-outage"
    assert alarm["AlarmActions"] == alarm["OKActions"] == topic
    assert f"cq status {STACK}" in alarm["AlarmDescription"]
    assert len(alarm["AlarmDescription"]) <= 1024
    for level in ("stage", "dev", "test"):
        assert "Outage" not in templates.resources(COIN_STACK, Level=level)


# ---- By what is written


@pytest.fixture(scope="module")
def cloudwatch(world: World, tmp_path_factory: pytest.TempPathFactory) -> CloudWatchClient:
    monitor_stack.deploy(world, REGION, tmp_path_factory.mktemp("cache"))
    outage = templates.resources(COIN_STACK, STACK)["Outage"]["Properties"]
    world.aws.cloudwatch(REGION).put_metric_alarm(**outage)
    return world.aws.cloudwatch(REGION)


def write(world: World, stream: str, documents: Sequence[tuple[int, dict[str, Any], list[str], list[str]]]) -> None:
    """Lines as the monitor writes them: minute, members, dimensions, metrics."""
    logs, events = world.aws.logs(REGION), []
    for minute, members, dimensions, names in documents:
        time = FIRST + minute * MINUTE + timedelta(seconds=20)
        document = {**members, "_aws": metrics(time, dimensions, names)}
        events.append({"timestamp": milliseconds(time), "message": json.dumps(document)})
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=stream, logEvents=events)  # type: ignore[arg-type]


def sweeps(world: World, stream: str, unreached: dict[int, int]) -> None:
    """The end of a sweep in each of these minutes, with how many instances it did not reach."""
    counted = [{"region": REGION, "sweeps": 1, "unreached": count} for count in unreached.values()]
    write(
        world,
        stream,
        [(m, each, ["region"], ["sweeps", "unreached"]) for m, each in zip(unreached, counted, strict=True)],
    )


def course(cloudwatch: CloudWatchClient, name: str, minutes: range) -> list[str]:
    """The alarm's state at the end of each of these minutes."""
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    states = ["OK"]
    for minute in minutes:
        states.append(alarms.state(cloudwatch, alarm, FIRST + (minute + 1) * MINUTE, states[-1]))
    return states[1:]


@pytest.mark.local_aws
def test_the_dead_mans_switch_fires_three_minutes_after_sweeps_stop(world: World, cloudwatch: CloudWatchClient) -> None:
    sweeps(world, "stops", dict.fromkeys([*range(5), 10, 11], 0))
    found = course(cloudwatch, "coinquery-monitor-silent", range(2, 12))
    assert found == ["OK"] * 5 + ["ALARM"] * 3 + ["OK"] * 2
    assert course(cloudwatch, "coinquery-monitor-unreached", range(2, 12)) == ["OK"] * 10, "the switch tells of silence"


@pytest.mark.local_aws
def test_sweeps_that_miss_instances_raise_an_alarm_after_three_of_five(
    world: World, cloudwatch: CloudWatchClient
) -> None:
    sweeps(world, "misses", {12: 0, 13: 2, 14: 0, 15: 1, 16: 3, 17: 0, 18: 0, 19: 0})
    found = course(cloudwatch, "coinquery-monitor-unreached", range(12, 20))
    assert found == ["OK"] * 4 + ["ALARM"] * 2 + ["OK"] * 2


@pytest.mark.local_aws
def test_an_outage_of_three_minutes_raises_its_own_stacks_alarm_and_silence_changes_nothing(
    world: World, cloudwatch: CloudWatchClient
) -> None:
    down = {2, 5, 6, 7, 8, 9}
    quiet = {10, 11, 12}
    write(
        world,
        "outages",
        [
            (minute, {"stack": stack, "coin": "eth", "outage": value}, ["stack", "coin"], ["outage"])
            for minute in range(16)
            for stack, value in ((STACK, int(minute in down)), (OTHER, 1))
            if minute not in quiet
        ],
    )
    found = course(cloudwatch, f"{STACK}-outage", range(2, 16))
    assert found == ["OK"] * 5 + ["ALARM"] * 8 + ["OK"]


@pytest.mark.local_aws
def test_one_trouble_is_one_message_and_one_all_clear(world: World, cloudwatch: CloudWatchClient) -> None:
    """Sweeps stop, and the function fails as well: ministack's composite alarm, with the template's rule."""
    sqs, sns = boto3.client("sqs", region_name=REGION), boto3.client("sns", region_name=REGION)
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = f"arn:aws:sns:{REGION}:000000000000:coinquery-alerts"
    names = {"Silent": "silent", "Failing": "failing", "Unreached": "unreached", "AttemptsFailing": None}
    rule = of_monitor()["coinquery-monitor"]["AlarmRule"]
    for logical, short in names.items():
        rule = rule.replace(f"<{logical}>", f"coinquery-monitor-{short}" if short else "coinquery-attempts-failing")
    children = [f"coinquery-monitor-{short}" for short in ("silent", "failing", "unreached")]
    for name in (*children, "coinquery-attempts-failing"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
    cloudwatch.put_composite_alarm(
        AlarmName="coinquery-monitor", AlarmRule=rule, AlarmActions=[topic], OKActions=[topic]
    )
    for name in children:
        cloudwatch.disable_alarm_actions(AlarmNames=[name])  # as the template makes them where there is a composite
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    states: tuple[Literal["ALARM", "OK"], ...] = ("ALARM", "OK")
    for state in states:
        for name in children:
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    paged = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            told = json.loads(json.loads(message["Body"])["Message"])
            paged.append((told["AlarmName"], told["NewStateValue"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert paged == [("coinquery-monitor", "ALARM"), ("coinquery-monitor", "OK")]
