"""Read the CloudFormation templates as tests need them: parsed, and resolved for given parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import coinquery.stacks

FOLDER = Path(coinquery.stacks.__file__).with_name("templates")
COIN_STACK, NETWORK, MONITOR, ROLES, GUARD = (
    FOLDER / f"{name}.yaml" for name in ("coin-stack", "network", "monitor", "roles", "guard")
)
ALL = (COIN_STACK, NETWORK, MONITOR, ROLES, GUARD)

DIGEST = "@sha256:" + "a" * 64
PARAMETERS = {
    "Coin": "eth",
    "Level": "prod",
    "Release": "v1.2.0",
    "Commit": "0123456789abcdef0123456789abcdef01234567",
    "Rollout": "eth-prod-v1.2.0-1",
    "Author": "jane@example.com",
    "VpcId": "vpc-1",
    "NodeSubnets": "subnet-1,subnet-2",
    "LoadBalancerSubnets": "subnet-3,subnet-4",
    "PrivateSubnets": "subnet-5,subnet-6",
    "NodesPublic": "true",
    "MonitorSecurityGroup": "sg-1",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/coinquery/coinquery-boundary",
    "PublicName": "eth.example.com",
    "PrivateName": "eth.internal.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "HttpsPort": "443",
    "HttpPort": "80",
    "InstanceType": "m7i.2xlarge",
    "InstanceCount": "2",
    "ImageId": "ami-0123456789abcdef0",
    "VolumeSize": "2000",
    "VolumeIops": "6000",
    "VolumeThroughput": "500",
    "SnapshotId": "",
    "NodeImage": "docker.io/ethereum/client-go" + DIGEST,
    "NodeEntryPoint": "/usr/bin/env",
    "NodeCommand": "--datadir /data/execution --http.port 8545",
    "NodeMemory": "16384",
    "CompanionImage": "docker.io/sigp/lighthouse" + DIGEST,
    "CompanionEntryPoint": "",
    "CompanionCommand": "beacon_node --datadir /data/consensus",
    "CompanionMemory": "8192",
    "ServiceImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/coinquery/service" + DIGEST,
    "ServiceCommand": "--coin eth --listen 0.0.0.0:8080",
    "ServiceMemory": "256",
    "PeerPort": "30303",
    "CompanionPeerPort": "9000",
    "LogRetentionDays": "90",
    "DeregistrationDelay": "60",
}

_GONE = object()


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms in full: ``!Ref X`` is ``{"Ref": "X"}``."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


@cache
def load(path: Path) -> dict[str, Any]:
    """The template as CloudFormation reads it, functions in their full form."""
    loaded: dict[str, Any] = yaml.load(path.read_text("utf-8"), _Loader)
    return loaded


def resources(path: Path, stack: str = "cq-eth-0001-prod", **parameters: str) -> dict[str, dict[str, Any]]:
    """The resources that CloudFormation makes, by logical id; references to other resources read ``<Id>``."""
    template = load(path)
    values: dict[str, Any] = {name: entry.get("Default", "") for name, entry in template["Parameters"].items()}
    values |= {"AWS::StackName": stack, "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
    values |= {"AWS::Partition": "aws", "AWS::NoValue": _GONE}
    values |= {name: value for name, value in PARAMETERS.items() if name in template["Parameters"]} | parameters
    resolver = _Resolver(values, template.get("Conditions", {}))
    found = {key: value for key, value in template["Resources"].items() if resolver.holds(value.get("Condition"))}
    resolved: dict[str, dict[str, Any]] = resolver.resolve(found)
    return resolved


def listed(value: str | list[str]) -> list[str]:
    """IAM takes one text for a list of one."""
    return [value] if isinstance(value, str) else value


class _Resolver:
    def __init__(self, values: Mapping[str, Any], conditions: Mapping[str, Any]) -> None:
        self._values, self._conditions = values, conditions

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._conditions[condition]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _GONE]
        if not isinstance(value, dict):
            return value
        [(name, argument), *others] = value.items() or [("", None)]
        if not others and (name.startswith("Fn::") or (name in ("Ref", "Condition") and isinstance(argument, str))):
            return self._call(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _GONE}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            return self.resolve(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "Condition":
            return self.holds(argument)
        if name == "Ref":
            return self._values.get(argument, f"<{argument}>")
        if name == "Fn::Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            known = {**self._values, **self.resolve(more)}
            return re.sub(r"\$\{([^!}]+)\}", lambda match: str(known.get(match[1], f"<{match[1]}>")), text)
        return self._pure(name, self.resolve(argument))

    def _pure(self, name: str, argument: Any) -> Any:
        match name:
            case "Fn::Equals":
                return str(argument[0]) == str(argument[1])
            case "Fn::Not":
                return not argument[0]
            case "Fn::And":
                return all(argument)
            case "Fn::Split":
                return argument[1].split(argument[0])
            case "Fn::Select":
                return argument[1][int(argument[0])] if isinstance(argument[1], list) else f"<{argument[1]}>"
            case "Fn::Join":
                return argument[0].join(argument[1])
            case "Fn::GetAtt":
                return f"<{'.'.join(argument)}>"
            case "Fn::Base64":
                return argument
            case _:
                return f"<{name}>"
