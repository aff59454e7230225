"""AWS's answers about a region of eth stacks, 100 instances each, as AWS writes them: shape, members, indentation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.monitor_fleet import COMMIT, RELEASE, address

IN_STACK = 100
#: EC2 gives at most 1,000 instances a page. CloudFormation cuts a page at 1 MB, here already at 50 stacks (0.5 MB).
INSTANCES_A_PAGE, STACKS_A_PAGE = 1000, 50
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
ACCOUNT, REGION = "123456789012", "us-east-1"
STOOD = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def instance_pages(reservations: list[dict[str, Any]]) -> list[bytes]:
    """The answers to DescribeInstances, page by page; a page's token is its number."""
    pages = [
        "\n".join(xml("DescribeInstancesResponse", {"reservationSet": cut, **_token("nextToken", number)}))
        for cut, number in _cut(reservations, INSTANCES_A_PAGE)
    ]
    return [page.replace(">", f' xmlns="{NAMESPACE}">', 1).encode() for page in pages]


def stack_pages(stacks: list[dict[str, Any]]) -> list[bytes]:
    """The answers to DescribeStacks, page by page; a page's token is its number."""
    return [
        query("DescribeStacks", {"Stacks": cut, **_token("NextToken", number)})
        for cut, number in _cut(stacks, STACKS_A_PAGE)
    ]


def _cut(found: list[Any], length: int) -> Iterator[tuple[list[Any], int]]:
    """Pages, each with the number of the next one, 0 if it is the last."""
    for start in range(0, len(found), length):
        end = start + length
        yield found[start:end], end // length if end < len(found) else 0


def _token(name: str, number: int) -> dict[str, str]:
    return {name: str(number)} if number else {}


def query(operation: str, result: dict[str, Any]) -> bytes:
    """An answer in the form of AWS's query protocol."""
    answer = {f"{operation}Result": result, "ResponseMetadata": {"RequestId": "b9b4b068-3a41-11e5-94eb-0a1b2c3d4e5f"}}
    return "\n".join(xml(f"{operation}Response", answer, "member")).encode()


def xml(name: str, value: Any, item: str = "item", depth: int = 0) -> Iterator[str]:
    """The lines of an element, indented as AWS does."""
    space = "    " * depth
    if not isinstance(value, dict | list):
        yield f"{space}<{name}>{escape(str(value))}</{name}>"
        return
    yield f"{space}<{name}>"
    for key, inner in value.items() if isinstance(value, dict) else ((item, one) for one in value):
        yield from xml(key, inner, item, depth + 1)
    yield f"{space}</{name}>"


def _tags(stack: str) -> dict[str, str]:
    return {
        "coinquery:stack": stack,
        "coinquery:coin": "eth",
        "coinquery:level": "prod",
        "coinquery:release": RELEASE,
        "coinquery:commit": COMMIT,
        "coinquery:rollout": "eth-prod-us-east-1-v1.2.0-7c4a9e",
        "coinquery:author": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/somebody",
    }


def stack(name: str) -> dict[str, Any]:
    """A stack as DescribeStacks tells it, complete and protected."""
    parameters = {f"Parameter{n:02}": "a value of forty characters, as is usual" for n in range(38)}
    parameters["InstanceCount"] = str(IN_STACK)
    balancer = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/{name}/50dc6c495c0c9188"
    outputs = {"LoadBalancerArn": balancer, "LoadBalancerDnsName": f"{name}-1234567890.{REGION}.elb.amazonaws.com"}
    return {
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/9a1b2c30-3a41-11e5-94eb-0a1b2c3d4e5f",
        "StackName": name,
        "CreationTime": STOOD,
        "StackStatus": "CREATE_COMPLETE",
        "EnableTerminationProtection": "true",
        "DisableRollback": "false",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in _tags(name).items()],
    }


def _instance_tags(stack: str) -> dict[str, str]:
    return {
        "Name": stack,
        **_tags(stack),
        "aws:autoscaling:groupName": stack,
        "aws:ec2launchtemplate:id": "lt-0f1e2d3c4b5a69788",
        "aws:ec2launchtemplate:version": "1",
        "aws:cloudformation:stack-name": stack,
        "aws:cloudformation:logical-id": "AutoScalingGroup",
    }


def _volume(known: str, device: str) -> dict[str, Any]:
    attached = {"volumeId": f"vol-{known}", "status": "attached", "attachTime": STOOD, "deleteOnTermination": "true"}
    return {"deviceName": device, "ebs": attached}


def _interface(known: str, private: str, dns: str, groups: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "networkInterfaceId": f"eni-{known}",
        "subnetId": "subnet-0a1b2c3d4e5f60718",
        "vpcId": "vpc-0a1b2c3d4e5f60718",
        "description": "",
        "ownerId": ACCOUNT,
        "status": "in-use",
        "macAddress": "0e:49:61:0f:c3:11",
        "privateIpAddress": private,
        "privateDnsName": dns,
        "sourceDestCheck": "true",
        "groupSet": groups,
        "attachment": {
            "attachmentId": f"eni-attach-{known}",
            "deviceIndex": "0",
            "status": "attached",
            "attachTime": STOOD,
            "deleteOnTermination": "true",
            "networkCardIndex": "0",
        },
        "privateIpAddressesSet": [{"privateIpAddress": private, "privateDnsName": dns, "primary": "true"}],
        "ipv6AddressesSet": [],
        "interfaceType": "interface",
        "operator": {"managed": "false"},
    }


#: Members that are alike for all instances.
_UNREAD: dict[str, Any] = {
    "ebsOptimized": "true",
    "enaSupport": "true",
    "cpuOptions": {"coreCount": "4", "threadsPerCore": "2"},
    "capacityReservationSpecification": {"capacityReservationPreference": "open"},
    "hibernationOptions": {"configured": "false"},
    "metadataOptions": {
        "state": "applied",
        "httpTokens": "required",
        "httpPutResponseHopLimit": "1",
        "httpEndpoint": "enabled",
        "httpProtocolIpv6": "disabled",
        "instanceMetadataTags": "disabled",
    },
    "enclaveOptions": {"enabled": "false"},
    "platformDetails": "Linux/UNIX",
    "usageOperation": "RunInstances",
    "usageOperationUpdateTime": STOOD,
    "privateDnsNameOptions": {"hostnameType": "ip-name", "enableResourceNameDnsARecord": "false"},
    "maintenanceOptions": {"autoRecovery": "default"},
    "currentInstanceBootMode": "legacy-bios",
    "operator": {"managed": "false"},
}


def reservation(number: int, stack: str, silent: bool) -> dict[str, Any]:
    """A reservation with one instance of an Auto Scaling group, with the members that EC2 gives one today."""
    known = f"{number:017x}"
    private = address(number, silent)
    dns = f"ip-{private.replace('.', '-')}.ec2.internal"
    groups = [{"groupId": f"sg-{known}", "groupName": f"{stack}-instances"}]
    instance = {
        "instanceId": f"i-{known}",
        "imageId": "ami-0a1b2c3d4e5f60718",
        "instanceState": {"code": "16", "name": "running"},
        "privateDnsName": dns,
        "dnsName": "",
        "reason": "",
        "amiLaunchIndex": "0",
        "productCodes": [],
        "instanceType": "m7i.2xlarge",
        "launchTime": STOOD,
        "placement": {"availabilityZone": "us-east-1a", "groupName": "", "tenancy": "default"},
        "monitoring": {"state": "disabled"},
        "subnetId": "subnet-0a1b2c3d4e5f60718",
        "vpcId": "vpc-0a1b2c3d4e5f60718",
        "privateIpAddress": private,
        "sourceDestCheck": "true",
        "groupSet": groups,
        "architecture": "x86_64",
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": [_volume(known, device) for device in ("/dev/xvda", "/dev/sdf")],
        "virtualizationType": "hvm",
        "clientToken": f"fleet-{known}",
        "tagSet": [{"key": key, "value": value} for key, value in _instance_tags(stack).items()],
        "hypervisor": "xen",
        "networkInterfaceSet": [_interface(known, private, dns, groups)],
        "iamInstanceProfile": {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{stack}", "id": "AIPAEXAMPLE"},
        **_UNREAD,
    }
    return {"reservationId": f"r-{known}", "ownerId": ACCOUNT, "groupSet": [], "instancesSet": [instance]}
