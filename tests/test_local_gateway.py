"""The gateway: calls are recognised in each of AWS's protocols, noted, and passed on unchanged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp.test_utils import TestClient, TestServer
from botocore.exceptions import ClientError

from coinquery.local.calls import Call
from coinquery.local.gateway import application
from tests.worlds import World

HOME = "us-east-1"


def noted(world: World) -> list[tuple[str, str, int, str]]:
    """The calls that were made with this process's key: the monitor's function has another."""
    calls = [json.loads(line) for line in world.state.calls.read_text().splitlines()]
    return [(e["service"], e["operation"], e["status"], e["region"]) for e in calls if e["access_key"] == "local"]


@pytest.mark.local_aws
def test_every_call_is_noted_with_service_operation_status_and_region(world: World) -> None:
    before = len(noted(world))
    world.aws.cloudformation("eu-west-1").list_stacks()
    world.aws.ssm(HOME).describe_parameters()
    world.aws.cloudwatch(HOME).list_metrics()
    world.aws.route53().list_hosted_zones()
    world.aws.functions(HOME).list_functions()
    world.aws.s3(HOME).list_buckets()
    with pytest.raises(ClientError):
        world.aws.functions(HOME).get_function(FunctionName="none")
    assert noted(world)[before:] == [
        ("cloudformation", "ListStacks", 200, "eu-west-1"),
        ("ssm", "DescribeParameters", 200, HOME),
        ("cloudwatch", "ListMetrics", 200, HOME),
        ("route53", "ListHostedZones", 200, HOME),
        ("lambda", "ListFunctions", 200, HOME),
        ("s3", "ListBuckets", 200, HOME),
        ("lambda", "GetFunction", 404, HOME),
    ]


def test_an_api_that_does_not_answer_is_unavailable_not_broken(tmp_path: Path) -> None:
    """I12: what stands behind the gateway is gone, and boto3 must be able to tell and retry."""

    async def ask() -> tuple[int, str]:
        app = await application("http://127.0.0.1:9", tmp_path / "calls.jsonl")
        async with TestClient(TestServer(app)) as client:
            answer = await client.post("/", headers={"X-Amz-Target": "AmazonSSM.GetParameter"}, data="{}")
            return answer.status, (await answer.json(content_type=None))["__type"]

    assert asyncio.run(ask()) == (503, "ServiceUnavailable")


@pytest.mark.local_aws
def test_objects_of_any_bytes_come_back_as_they_went(world: World) -> None:
    s3, content = world.aws.s3(HOME), bytes(range(256)) * 20_000
    s3.create_bucket(Bucket="gateway-objects")
    s3.put_object(Bucket="gateway-objects", Key="a folder/ü+%2F.bin", Body=content)
    assert s3.head_object(Bucket="gateway-objects", Key="a folder/ü+%2F.bin")["ContentLength"] == len(content)
    assert s3.get_object(Bucket="gateway-objects", Key="a folder/ü+%2F.bin")["Body"].read() == content
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="gateway-objects")["Contents"]] == ["a folder/ü+%2F.bin"]


@pytest.mark.local_aws
def test_large_metric_requests_which_boto3_compresses_arrive(world: World) -> None:
    data: Any = [{"MetricName": f"metric-{n}", "Value": float(n)} for n in range(500)]
    world.aws.cloudwatch(HOME).put_metric_data(Namespace="Large", MetricData=data)
    pages = world.aws.cloudwatch(HOME).get_paginator("list_metrics").paginate(Namespace="Large")
    assert len({metric["MetricName"] for page in pages for metric in page["Metrics"]}) == 500


RECORD = {"Name": "a.example.com", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.1"}]}
DELETE = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": RECORD}]}
CASES: list[tuple[str, str, Callable[[Any], object]]] = [
    ("route53", "ChangeResourceRecordSets", lambda c: c.change_resource_record_sets(
        HostedZoneId="Z1", ChangeBatch=DELETE)),
    ("route53", "GetChange", lambda c: c.get_change(Id="C1")),
    ("route53", "ListResourceRecordSets", lambda c: c.list_resource_record_sets(HostedZoneId="Z1")),
    ("lambda", "Invoke", lambda c: c.invoke(FunctionName="f")),
    ("lambda", "GetFunctionConfiguration", lambda c: c.get_function_configuration(FunctionName="f")),
    ("s3", "PutObject", lambda c: c.put_object(Bucket="b", Key="k", Body=b"")),
    ("s3", "GetBucketAcl", lambda c: c.get_bucket_acl(Bucket="b")),
    ("s3", "ListObjectsV2", lambda c: c.list_objects_v2(Bucket="b")),
    ("ecs", "DescribeTasks", lambda c: c.describe_tasks(tasks=["t"])),
    ("ec2", "DescribeInstances", lambda c: c.describe_instances()),
    ("elbv2", "DescribeTargetHealth", lambda c: c.describe_target_health(TargetGroupArn="arn")),
    ("autoscaling", "DescribeAutoScalingGroups", lambda c: c.describe_auto_scaling_groups()),
    ("cloudwatch", "PutMetricData", lambda c: c.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m"}])),
    ("secretsmanager", "GetSecretValue", lambda c: c.get_secret_value(SecretId="s")),
]  # fmt: skip


class Caught(Exception):
    """The request as boto3 would have sent it."""


@pytest.mark.parametrize(("service", "operation", "act"), CASES, ids=[case[1] for case in CASES])
def test_a_call_is_recognised_as_boto3_sends_it(service: str, operation: str, act: Callable[[Any], object]) -> None:
    client = boto3.session.Session("a", "b", region_name="eu-west-1").client(service, endpoint_url="http://127.0.0.1:9")  # type: ignore[call-overload]

    def catch(request: Any, **_: object) -> None:
        raise Caught(request)

    client.meta.events.register("before-send", catch)
    with pytest.raises(Caught) as caught:
        act(client)
    request = caught.value.args[0]
    headers = {k.title(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    call = Call(request.method, request.url.removeprefix("http://127.0.0.1:9"), headers, body)
    assert (call.service, call.operation, call.region) == (service, operation, "eu-west-1")
