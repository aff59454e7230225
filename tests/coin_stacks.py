"""Real coin stacks for tests: the shipped template, the local nodes, the service built from this source tree."""

from __future__ import annotations

import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from coinquery.local import images
from coinquery.local.state import HTTP_PORT, HTTPS_PORT, State
from tests.worlds import World

SOURCE = Path(__file__).parent.parent
T = TypeVar("T")


def release(folder: Path) -> str:
    """Commit this source tree into a git repository of its own; return the commit."""
    shutil.copytree(SOURCE / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.new"))
    shutil.copy(SOURCE / ".gitattributes", folder)
    for command in (
        ["init", "--quiet", "--initial-branch", "master"],
        ["add", "--all"],
        ["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "a release"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    head = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def create(world: World, region: str, name: str, repository: Path, commit: str, instances: int = 2) -> None:
    """Create an eth stack with the shipped template and wait until CloudFormation calls it complete."""
    template = resources.files("coinquery.stacks").joinpath("templates/coin-stack.yaml").read_text("utf-8")
    given = {**_parameters(world, region), "Commit": commit, "InstanceCount": str(instances)}
    given["ServiceImage"] = images.build_service(world.state, region, repository, commit)
    client = world.aws.cloudformation(region)
    client.create_stack(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def until(what: Callable[[], T], seconds: float = 60) -> T:
    """What ``what`` gives once it is true; the last answer, whatever it is, when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def processes(state: State, what: str) -> list[int]:
    """The ids of the world's processes that have ``what`` in their command line."""
    mark = f"CQ_LOCAL_WORLD={state.root.resolve()}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            if mark in environment and what.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def outputs(world: World, region: str, name: str) -> dict[str, str]:
    """The outputs of a stack."""
    (stack,) = world.aws.cloudformation(region).describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _parameters(world: World, region: str) -> dict[str, str]:
    ec2 = world.aws.ec2(region)
    configuration = tomllib.loads((world.state.root / "cq.toml").read_text("utf-8"))
    subnets = ",".join(subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2])
    node, consensus = configuration["coins"]["eth"]["containers"]
    vpc: Any = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    return {
        "Coin": "eth", "Level": "prod", "Release": "v1.0.0", "Rollout": "test", "Author": "test",
        "VpcId": vpc, "NodeSubnets": subnets, "LoadBalancerSubnets": subnets, "PrivateSubnets": subnets,
        "PermissionsBoundary": "",
        "NodesPublic": "true", "PublicName": "eth.example.com", "PrivateName": "eth.internal.example.com",
        "CertificateArn": configuration["levels"]["prod"]["certificates"][region],
        "HttpsPort": str(HTTPS_PORT), "HttpPort": str(HTTP_PORT),
        "MonitorSecurityGroup": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "InstanceType": "t3.small", "ImageId": "ami-0ec50a12023000001", "VolumeSize": "1", "LogRetentionDays": "7",
        "NodeImage": node["image"], "NodeCommand": node["command"], "NodeMemory": "128",
        "CompanionImage": consensus["image"], "CompanionCommand": consensus["command"], "CompanionMemory": "64",
        "ServiceCommand": (
            "--coin eth --dialect evm --node http://127.0.0.1:8545 --chain 1 --tolerance 10"
            " --release v1.0.0 --listen 0.0.0.0:8080"
        ),
    }  # fmt: skip
