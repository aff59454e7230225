"""Who is told of an alert: Slack of all, the pager of what must wake somebody and has no alarm of its own."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from coinquery.clock import SystemClock
from coinquery.local.configuration import SLACK_SECRET
from coinquery.local.environment import HOME_REGION
from coinquery.monitor.alerts import Notice, audience
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.finding import Severity
from coinquery.monitor.team import Team
from tests.worlds import World

pytestmark = pytest.mark.local_aws
REGION = "eu-pager-1"
SETTINGS = Configuration(coins={}, home=HOME_REGION, webhook=f"secretsmanager:{SLACK_SECRET}")


def notice(key: str, severity: Severity) -> Notice:
    return Notice(key=key, kind="raised", severity=severity, title="no right answer from eth.example.com",
                  sentences=("It answers <nothing>.", "See."))  # fmt: skip


def slack(world: World) -> int:
    kept = world.state.root / "slack.jsonl"
    own = ("cq-eth-0001-prod", "eth.example.com")  # the monitor's own sweeps may tell of others
    lines = kept.read_text("utf-8").splitlines() if kept.exists() else []
    return sum(any(name in line for name in own) for line in lines)


def queue_of(topic_name: str) -> tuple[str, Any, str]:
    sqs, sns = boto3.client("sqs", region_name=REGION), boto3.client("sns", region_name=REGION)
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    queue = sqs.create_queue(QueueName=topic_name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, sqs, queue


def test_the_pager_hears_pages_that_have_no_alarm_and_slack_hears_all(world: World) -> None:
    topic, sqs, queue = queue_of("pages")
    before = slack(world)
    team = Team(SETTINGS, world.aws, REGION, SystemClock(), topic)
    for told in (
        notice("degraded:cq-eth-0001-prod", "warning"),
        notice("outage:cq-eth-0001-prod", "page"),
        notice("name:eth.example.com", "page"),
    ):
        assert all(team.tell(told, channel) for channel in audience(told.key, told.severity))
    assert slack(world) == before + 3
    [paged] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
    told = json.loads(paged["Body"])
    assert told["Subject"] == "PAGE: no right answer from eth.example.com"
    assert "It answers <nothing>." in told["Message"]
    assert f"{REGION}, docs/alerts.md#name" in told["Message"]


def test_a_pager_or_a_slack_that_fails_is_not_told(world: World) -> None:
    nowhere = Team(SETTINGS, world.aws, REGION, SystemClock(), f"arn:aws:sns:{REGION}:000000000000:no-such-topic")
    assert not nowhere.tell(notice("name:eth.example.com", "page"), "pager")
    assert nowhere.tell(notice("name:eth.example.com", "page"), "slack")
    locked = Configuration(coins={}, home=HOME_REGION, webhook="secretsmanager:no-such-secret")
    mute = Team(locked, world.aws, REGION, SystemClock())
    assert not mute.tell(notice("degraded:cq-eth-0001-prod", "warning"), "slack")


def test_where_there_is_neither_the_log_has_to_do(world: World, caplog: pytest.LogCaptureFixture) -> None:
    quiet = Team(Configuration(coins={}), world.aws, REGION, SystemClock())
    assert quiet.tell(notice("name:eth.example.com", "page"), "pager")
    assert quiet.tell(notice("name:eth.example.com", "page"), "slack")
    assert "raised page: no right answer from eth.example.com" in caplog.text
