"""Attempts on production are told within seconds, by whom; of what is not production nothing is told (I15)."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.errors import MonitorFailed
from coinquery.monitor import attempts
from coinquery.monitor.attempts import read
from coinquery.notify import attempt_messages, pager
from coinquery.notify.attempt_messages import Attempt
from tests import monitor_stack
from tests.cloudtrail import BALANCER_ARN, CHANGE_SET_ARN, PERSON, STACK_ARN, event, instances
from tests.slack_rules import violations
from tests.worlds import World

STACK = "cq-eth-0001-prod"
REGION = "eu-attempts-1"
DENIED = (
    f"User: {PERSON} is not authorized to perform: cloudformation:DeleteStack on resource: {STACK_ARN}"
    " because no identity-based policy allows the cloudformation:DeleteStack action"
)

# ---- What an event says


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("DeleteStack", {"stackName": STACK, "clientRequestToken": "t"}),
        ("DeleteStack", {"stackName": STACK_ARN}),
        ("UpdateStack", {"stackName": STACK, "capabilities": ["CAPABILITY_IAM"]}),
        ("UpdateTerminationProtection", {"stackName": STACK, "enableTerminationProtection": False}),
        ("SetStackPolicy", {"stackName": STACK}),
        ("CreateChangeSet", {"stackName": STACK, "changeSetName": "next"}),
        ("ExecuteChangeSet", {"stackName": STACK, "changeSetName": "next"}),
        ("ContinueUpdateRollback", {"stackName": STACK}),
        ("DeleteLoadBalancer", {"loadBalancerArn": BALANCER_ARN}),
        (
            "ModifyLoadBalancerAttributes",
            {"loadBalancerArn": BALANCER_ARN, "attributes": [{"key": "deletion_protection.enabled", "value": "false"}]},
        ),
        ("DeleteAutoScalingGroup", {"autoScalingGroupName": STACK, "forceDelete": True}),
        ("UpdateAutoScalingGroup", {"autoScalingGroupName": STACK, "minSize": 0}),
        ("SetDesiredCapacity", {"autoScalingGroupName": STACK, "desiredCapacity": 0}),
        (
            "TerminateInstanceInAutoScalingGroup",
            {"autoScalingGroupName": STACK, "instanceIds": ["i-0123456789abcdef0"]},
        ),
    ],
)
def test_each_call_on_production_is_an_attempt_by_whom_from_where_and_when(call: str, request_: dict[str, Any]) -> None:
    found = read(event(call, request_))
    assert found is not None
    assert (found.call, found.stacks, found.by, found.through) == (call, (STACK,), PERSON, "")
    assert (found.address, found.region, found.time) == ("203.0.113.7", "us-east-1", "2026-11-24T05:01:05Z")
    assert found.agent.startswith("aws-cli/")
    assert found.refusal == ""


@pytest.mark.parametrize(
    "told",
    [
        event("DeleteStack", {"stackName": "cq-eth-0001-stage"}),
        event("DeleteStack", {"stackName": STACK_ARN.replace("prod", "dev")}),
        event("DeleteStack", {"stackName": "website-prod"}),
        event("DeleteStack", {"stackName": "cq-eth-1-prod"}),
        event("DeleteStack", {"stackName": "web"}, errorCode="ValidationError", errorMessage=f"{STACK} imports it"),
        event("DeleteLoadBalancer", {"loadBalancerArn": BALANCER_ARN.replace("prod", "test")}),
        event("SetDesiredCapacity", {"autoScalingGroupName": "website", "desiredCapacity": 3}),
        event("DescribeStacks", {"stackName": STACK}),
        event("DeleteStack", {"stackName": STACK}, eventSource="ec2.amazonaws.com"),
        event("UpdateTerminationProtection", {"stackName": STACK, "enableTerminationProtection": True}),
        event(
            "ModifyLoadBalancerAttributes",
            {"loadBalancerArn": BALANCER_ARN, "attributes": [{"key": "deletion_protection.enabled", "value": "true"}]},
        ),
        event("ModifyLoadBalancerAttributes", {"loadBalancerArn": BALANCER_ARN, "attributes": []}),
    ],
)
def test_i15_what_is_not_production_or_takes_nothing_away_is_no_attempt(told: dict[str, Any]) -> None:
    assert read(told) is None


def test_a_refused_attempt_is_told_as_refused_also_where_aws_left_the_request_out() -> None:
    for request_ in ({"stackName": STACK}, None):
        found = read(event("DeleteStack", request_, errorCode="AccessDenied", errorMessage=DENIED))
        assert found is not None
        assert found.stacks == (STACK,)
        assert found.refusal.startswith("AccessDenied: User: ")
        assert found.title == "Production: cq-eth-0001-prod: delete the stack: REFUSED"


def test_what_cloudformation_and_auto_scaling_carry_out_was_told_with_the_call_that_set_it_going() -> None:
    for service in ("cloudformation", "autoscaling"):
        identity = {"type": "AssumedRole", "arn": PERSON, "invokedBy": f"{service}.amazonaws.com"}
        assert read(event("DeleteLoadBalancer", {"loadBalancerArn": BALANCER_ARN}, userIdentity=identity)) is None
        assert read(event("TerminateInstances", instances("i-0123456789abcdef0"), userIdentity=identity)) is None


@pytest.mark.parametrize(
    ("identity", "by", "through"),
    [
        ({"type": "Root", "arn": "arn:aws:iam::123456789012:root"}, "arn:aws:iam::123456789012:root", ""),
        ({"type": "AssumedRole", "arn": PERSON, "invokedBy": "ssm.amazonaws.com"}, PERSON, "ssm.amazonaws.com"),
        ({"type": "AWSService", "invokedBy": "backup.amazonaws.com"}, "backup.amazonaws.com", ""),
        ({"type": "AWSAccount", "principalId": "AIDAEXAMPLE", "accountId": "999999999999"}, "AIDAEXAMPLE", ""),
        ({}, "CloudTrail does not say who", ""),
        (None, "CloudTrail does not say who", ""),
    ],
)
def test_whoever_it_was_is_named(identity: Any, by: str, through: str) -> None:
    found = read(event("DeleteStack", {"stackName": STACK}, userIdentity=identity))
    assert found is not None
    assert (found.by, found.through) == (by, through)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just(STACK),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)
MEMBERS = ("userIdentity", "eventTime", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage")


@given(
    call=st.sampled_from(sorted(attempt_messages.DEEDS)),
    request_=JSON | st.fixed_dictionaries({"stackName": JSON, "instancesSet": JSON, "attributes": JSON}),
    members=st.dictionaries(st.sampled_from(MEMBERS), JSON | st.text(max_size=5000)),
)
def test_whatever_an_event_holds_it_is_told_in_bounds_or_not_at_all(
    call: str, request_: Any, members: dict[str, Any]
) -> None:
    found = read(event(call, request_, **members))
    if found is not None:
        message = attempt_messages.attempt(replace(found, stacks=found.stacks or (STACK,)))
        assert violations(message) == []
        assert len(json.dumps(message)) < 40_000


@given(JSON)
def test_a_malformed_event_is_logged_and_not_tried_again(told: Any) -> None:
    assert attempts.handler(told, None) == {"told": False}
    assert attempts.handler({"detail": told}, None) == {"told": False}


@given(st.lists(st.from_regex("cq-[a-z0-9]{1,14}-[0-9]{4}-prod", fullmatch=True), min_size=1), st.text(max_size=400))
def test_what_the_pager_is_told_is_within_the_limits_of_sns(stacks: list[str], who: str) -> None:
    """Amazon SNS, Publish: a subject is ASCII without line breaks, shorter than 100; a message has text."""
    title, text = attempt_messages.pager(Attempt("DeleteStack", tuple(stacks), who, "us-east-1", "now"))
    subject = pager.fit(title)
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100
    assert who in text


# ---- From the rule to the team


@pytest.fixture(scope="module")
def deployed(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    monitor_stack.deploy(world, REGION, tmp_path_factory.mktemp("cache"))
    events = boto3.client("events", region_name=REGION)
    pattern = json.loads(events.describe_rule(Name="coinquery-attempts")["EventPattern"])
    # PutEvents takes no event whose source is AWS, so a copy of the rule asks for the rest of its pattern.
    del pattern["source"]
    events.put_rule(Name="same-without-source", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="same-without-source", Targets=events.list_targets_by_rule(Rule="coinquery-attempts")["Targets"]
    )
    return world


def happens(told: dict[str, Any]) -> None:
    entry = {"Source": "test", "DetailType": told["detail-type"], "Detail": json.dumps(told["detail"])}
    answer = boto3.client("events", region_name=REGION).put_events(Entries=[entry])  # type: ignore[list-item]
    assert answer["FailedEntryCount"] == 0


def inbox(world: World) -> list[Any]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(world.state.slack) as answer:
        return list(json.load(answer))


def told_since(world: World, before: int, count: int = 1) -> list[Any]:
    deadline = time.monotonic() + 60
    while len(_attempts(world, before)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return _attempts(world, before)


def _attempts(world: World, before: int) -> list[Any]:
    """What Slack was told of attempts: the monitor's own sweeps may tell it more."""
    return [told for told in inbox(world)[before:] if told["text"].startswith("Production: ")]


def run_instance(world: World, stack: str, name: str | None = None) -> str:
    tags = [{"Key": "Name", "Value": name or stack}, {"Key": "coinquery:stack", "Value": stack}]
    made = world.aws.ec2(REGION).run_instances(
        ImageId="ami-12345678",
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],  # type: ignore[misc,list-item]
    )
    return made["Instances"][0]["InstanceId"]


@pytest.mark.local_aws
def test_the_rule_asks_for_each_call_of_aws_and_for_nobody_elses_events(deployed: World) -> None:
    events = boto3.client("events", region_name=REGION)
    pattern = events.describe_rule(Name="coinquery-attempts")["EventPattern"]

    def matches(told: dict[str, Any]) -> bool:
        return events.test_event_pattern(EventPattern=pattern, Event=json.dumps(told))["Result"]

    assert {call for calls in attempts.CALLS.values() for call in calls} == set(attempt_messages.DEEDS)
    for call in attempt_messages.DEEDS:
        assert matches(event(call, None)), call
    assert not matches(event("CreateStack", {"stackName": STACK}))
    assert not matches({**event("DeleteStack", None), "source": "somebody"})


@pytest.mark.local_aws
def test_an_attempt_is_told_within_seconds_by_whom_and_to_the_pager_as_well(deployed: World) -> None:
    sqs, sns = boto3.client("sqs", region_name=REGION), boto3.client("sns", region_name=REGION)
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = f"arn:aws:sns:{REGION}:000000000000:coinquery-alerts"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    before = len(inbox(deployed))
    happens(event("DeleteStack", {"stackName": STACK}, errorCode="AccessDenied", errorMessage="no <you> may not"))
    assert told_since(deployed, before) == [
        {
            "text": f"Production: {STACK}: delete the stack: REFUSED, by {PERSON}",
            "blocks": [
                {
                    "type": "header",
                    "text": {
                        "type": "plain_text",
                        "text": f"Production: {STACK}: delete the stack: REFUSED",
                        "emoji": False,
                    },
                },
                {
                    "type": "section",
                    "fields": [
                        {"type": "mrkdwn", "text": f"*{label}*\n{value}", "verbatim": True}
                        for label, value in (
                            ("Who", PERSON),
                            ("Call", "DeleteStack"),
                            ("Region", "us-east-1"),
                            ("Time", "2026-11-24T05:01:05Z"),
                            ("From", "203.0.113.7"),
                            ("With", "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux"),
                        )
                    ],
                },
                {
                    "type": "section",
                    "text": {
                        "type": "mrkdwn",
                        "text": "AWS refused it: AccessDenied: no &lt;you&gt; may not",
                        "verbatim": True,
                    },
                },
                {
                    "type": "context",
                    "elements": [
                        {
                            "type": "mrkdwn",
                            "text": f"Nobody announced it? Ask who is named above. What stands: cq status {STACK}",
                            "verbatim": True,
                        }
                    ],
                },
            ],
        }
    ]
    [paged] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert json.loads(paged["Body"])["Subject"] == f"Production: {STACK}: delete the stack: REFUSED"
    assert PERSON in json.loads(paged["Body"])["Message"]


@pytest.mark.local_aws
def test_i15_of_instances_only_productions_are_told_whatever_became_of_them(deployed: World) -> None:
    production, other = run_instance(deployed, STACK), run_instance(deployed, "cq-eth-0001-dev")
    forged = run_instance(deployed, STACK, name="cq-ltc-0001-prod")
    deployed.aws.ec2(REGION).terminate_instances(InstanceIds=[production])
    before = len(inbox(deployed))
    happens(event("TerminateInstances", instances(other)))
    happens(event("TerminateInstances", instances(forged)))
    happens(event("StopInstances", {**instances("i-0123456789abcdef0"), "force": False}))
    happens(event("DeleteStack", {"stackName": "cq-eth-0001-dev"}))
    happens(event("TerminateInstances", instances(other, production)))
    [message] = told_since(deployed, before)
    assert message["text"] == f"Production: {STACK}: terminate instances: ACCEPTED, by {PERSON}"
    assert f"*Instances*\n{production}" in [field["text"] for field in message["blocks"][1]["fields"]]


@pytest.mark.local_aws
def test_an_event_that_does_not_say_which_stack_is_told_of_those_that_are_open_now(deployed: World) -> None:
    """UpdateTerminationProtection, whose request CloudTrail leaves out, and a change set that is named by its ARN."""
    body = json.dumps(
        {"Resources": {"X": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}}
    )
    client = deployed.aws.cloudformation(REGION)
    for name, protected in (("cq-eth-0007-prod", True), ("cq-eth-0008-prod", True), ("cq-eth-0009-dev", False)):
        client.create_stack(StackName=name, TemplateBody=body, EnableTerminationProtection=protected)
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    unnamed = read(event("UpdateTerminationProtection", None))
    assert unnamed is not None
    assert attempts.look_up(unnamed, deployed.aws, REGION) is None
    client.update_termination_protection(StackName="cq-eth-0008-prod", EnableTerminationProtection=False)
    found = attempts.look_up(unnamed, deployed.aws, REGION)
    assert found is not None
    assert (found.stacks, found.note[:28]) == (("cq-eth-0008-prod",), "CloudTrail does not say whic")
    for name, expected in (("cq-eth-0007-prod", ("cq-eth-0007-prod",)), ("cq-eth-0009-dev", ())):
        made = client.create_change_set(StackName=name, ChangeSetName="next", TemplateBody=body.replace('"x"', '"y"'))
        executed = read(event("ExecuteChangeSet", {"changeSetName": made["Id"]}))
        assert executed is not None
        found = attempts.look_up(executed, deployed.aws, REGION)
        assert (found.stacks if found else ()) == expected
    gone = read(event("ExecuteChangeSet", {"changeSetName": CHANGE_SET_ARN}))
    assert gone is not None
    assert attempts.look_up(gone, deployed.aws, REGION) is None


@pytest.mark.local_aws
def test_what_nobody_could_be_told_is_an_error_so_that_lambda_tries_again(
    deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-attempts-2")
    monkeypatch.setenv("CQ_TOPIC", "arn:aws:sns:eu-attempts-2:000000000000:none")
    with pytest.raises(MonitorFailed, match=r"nobody was told: the pager's topic: .*; the monitor's configuration: "):
        attempts.handler(event("DeleteStack", {"stackName": STACK}), None)
    monkeypatch.setenv("CQ_TOPIC", f"arn:aws:sns:{REGION}:000000000000:coinquery-alerts")
    monkeypatch.setenv("AWS_REGION", REGION)
    deployed.aws.ssm(REGION).put_parameter(Name="/coinquery/monitor/broken", Value="{", Type="String")
    monkeypatch.setenv("CQ_CONFIGURATION_PARAMETER", "/coinquery/monitor/broken")
    assert attempts.handler(event("DeleteStack", {"stackName": STACK}), None) == {"told": True}
