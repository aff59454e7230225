"""The templates, unmodified, in the local AWS API: CloudFormation makes of them what cq and the controller expect."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coinquery import naming
from coinquery.local import toolchain
from tests import templates
from tests.templates import PARAMETERS

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

STACK = naming.StackName("eth", 1, "prod")


class LocalApi:
    """Clients of a bare ministack: no rules in front of it, no controller behind it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def create(self, name: str, template: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Create a stack and give its outputs."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=template.read_text("utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        assert self.settled(name) == "CREATE_COMPLETE"
        outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def settled(self, name: str) -> str:
        """The stack's status once nothing is in progress."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        while True:
            listed = cloudformation.list_stacks()["StackSummaries"]
            status = next(each["StackStatus"] for each in listed if each["StackName"] == name)
            if not status.endswith("IN_PROGRESS"):
                return status
            time.sleep(0.05)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR", "SFTP_ENABLED": "0"}
    folder = tmp_path_factory.mktemp("ministack")
    settings |= {"STATE_DIR": str(folder), "S3_DATA_DIR": str(folder / "s3"), "HOME": str(folder)}
    process = subprocess.Popen([str(toolchain.ministack()), "-P", "-m", "ministack"], env=settings, cwd=folder)
    try:
        _wait_for(port, process)
        yield LocalApi(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("ministack ended")


@pytest.fixture(scope="module")
def network(api: LocalApi) -> dict[str, str]:
    return api.create("coinquery-network", templates.NETWORK, {"Nat": "none", "Nodes": "public"})


@pytest.fixture(scope="module")
def ground(network: dict[str, str]) -> dict[str, str]:
    shared = ("VpcId", "NodeSubnets", "NodesPublic", "LoadBalancerSubnets", "PrivateSubnets", "MonitorSecurityGroup")
    return {name: network[name] for name in shared}


@pytest.fixture(scope="module")
def outputs(api: LocalApi, ground: dict[str, str]) -> dict[str, str]:
    return api.create(str(STACK), templates.COIN_STACK, {**PARAMETERS, **ground})


def test_the_network_stands_in_two_zones(api: LocalApi, network: dict[str, str]) -> None:
    ec2 = api.client("ec2")
    blocks = set()
    for kind in ("NodeSubnets", "LoadBalancerSubnets", "PrivateSubnets"):
        subnets = ec2.describe_subnets(SubnetIds=network[kind].split(","))["Subnets"]
        assert len({each["AvailabilityZone"] for each in subnets}) == 2
        blocks |= {each["CidrBlock"] for each in subnets}
    assert blocks == {f"10.64.{third}.0/20" for third in range(0, 96, 16)}


def test_outputs_lead_to_what_was_made(api: LocalApi, outputs: dict[str, str]) -> None:
    assert set(outputs) == set(templates.load(templates.COIN_STACK)["Outputs"])
    balancers = api.client("elbv2").describe_load_balancers()["LoadBalancers"]
    made = {each["LoadBalancerName"]: (each["Scheme"], each["DNSName"], each["LoadBalancerArn"]) for each in balancers}
    public, internal = (
        (outputs[f"{prefix}LoadBalancerDnsName"], outputs[f"{prefix}LoadBalancerArn"]) for prefix in ("", "Internal")
    )
    assert made == {str(STACK): ("internet-facing", *public), f"{STACK}-int": ("internal", *internal)}


def test_the_task_is_the_coins(api: LocalApi, outputs: dict[str, str]) -> None:
    task = api.client("ecs").describe_task_definition(taskDefinition=str(STACK))["taskDefinition"]
    assert task["networkMode"] == "host"
    commands = {each["name"]: each["command"] for each in task["containerDefinitions"]}
    assert commands == {
        "node": PARAMETERS["NodeCommand"].split(),
        "companion": PARAMETERS["CompanionCommand"].split(),
        "service": [*PARAMETERS["ServiceCommand"].split(), "--stack", str(STACK)],
    }


def test_the_group_is_as_large_as_asked_for(api: LocalApi, outputs: dict[str, str]) -> None:
    described = api.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[str(STACK)])
    [group] = described["AutoScalingGroups"]
    assert outputs["AutoScalingGroup"] == str(STACK)
    assert (group["MinSize"], group["MaxSize"], group["HealthCheckType"]) == (2, 2, "EC2")
    names = {each["Value"] for each in group["Tags"] if each["Key"] == "Name" and each["PropagateAtLaunch"]}
    assert names == {str(STACK)}


def test_i5_a_deleted_stack_leaves_its_log_group(api: LocalApi, ground: dict[str, str]) -> None:
    name = naming.StackName("ltc", 1, "dev")
    changed = {"Coin": "ltc", "Level": "dev", "PrivateName": "", "CompanionImage": "", "CompanionCommand": ""}
    made = api.create(str(name), templates.COIN_STACK, {**PARAMETERS, **ground, **changed})
    assert not [output for output in made if output.startswith("Internal")]
    api.client("cloudformation").delete_stack(StackName=str(name))
    assert api.settled(str(name)) == "DELETE_COMPLETE"
    groups = api.client("logs").describe_log_groups(logGroupNamePrefix="/coinquery/")["logGroups"]
    assert naming.log_group(name) in {each["logGroupName"] for each in groups}
    assert str(name) not in {each["clusterName"] for each in api.client("ecs").describe_clusters()["clusters"]}
