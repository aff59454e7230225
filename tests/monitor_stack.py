"""The stack ``coinquery-monitor`` in a region of a local world, from the shipped template and package."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from coinquery.local.configuration import SLACK_SECRET
from coinquery.local.environment import HOME_REGION
from coinquery.monitor import configuration, package
from coinquery.monitor.configuration import Configuration
from tests.templates import MONITOR
from tests.worlds import World

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import ParameterTypeDef

RUNTIME = f"python3.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def deploy(world: World, region: str, cache: Path) -> None:
    """Create it, its schedule off, and the configuration that its functions read."""
    s3, built = world.aws.s3(region), package.build(RUNTIME, ARCHITECTURE, cache)
    bucket = f"coinquery-artifacts-{region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    s3.put_object(Bucket=bucket, Key="monitor.zip", Body=built.path.read_bytes())
    configuration.write(
        world.aws.ssm(region), Configuration(coins={}, home=HOME_REGION, webhook=f"secretsmanager:{SLACK_SECRET}")
    )
    parameters = {
        "ArtifactBucket": bucket,
        "CodeKey": "monitor.zip",
        "Runtime": RUNTIME,
        "Architecture": ARCHITECTURE,
        "Subnets": "subnet-1,subnet-2",
        "SecurityGroup": "sg-1",
        "HomeRegion": HOME_REGION,
        "IsHomeRegion": "false",
        "WebhookStore": "secretsmanager",
        "WebhookName": SLACK_SECRET,
        "CompositeAlarm": "no",
    }
    given: list[ParameterTypeDef] = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
    client = world.aws.cloudformation(region)
    client.create_stack(
        StackName="coinquery-monitor",
        TemplateBody=MONITOR.read_text("utf-8"),
        Parameters=given,
        Capabilities=["CAPABILITY_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(
        StackName="coinquery-monitor", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    boto3.client("events", region_name=region).disable_rule(Name="coinquery-monitor")
