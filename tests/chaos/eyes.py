"""The world as AWS shows it, read with bare boto3 and without any of the code that is judged by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chaos.play import Hand
    from tests.chaos.wire import Sent

LEDGER, ROLLOUTS, MONITOR_LOG = "/coinquery/stacks", "/coinquery/rollouts", "/coinquery/monitor"


def is_retiring(notes: Mapping[str, str]) -> bool:
    """Whether the notes hold a lock of a retirement."""
    return any(note.startswith("retiring/") and not note.endswith("/fate") for note in notes)


@dataclass(frozen=True)
class StackSeen:
    """One stack. ``balancers`` is the deletion protection of each load balancer, ``hosts`` its names by kind."""

    name: str
    arn: str
    status: str
    termination: bool
    policy: bool
    balancers: Mapping[str, bool]
    hosts: Mapping[str, str]
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    updated: bool

    @property
    def is_production(self) -> bool:
        """Whether its name says prod."""
        return self.name.endswith("-prod")

    @property
    def stands(self) -> bool:
        """Whether it is complete and not on its way out."""
        return self.status == "CREATE_COMPLETE"


@dataclass(frozen=True)
class Seen:
    """A coin's part of the world at one moment; ``records`` by level and kind, None where no record stands."""

    stacks: Mapping[str, StackSeen]
    ledger: Mapping[str, str]
    records: Mapping[tuple[str, str], str | None]

    def led_to(self, level: str = "prod", kind: str = "public") -> StackSeen | None:
        """The stack that a record leads to."""
        host = self.records.get((level, kind))
        return next((s for s in self.stacks.values() if host is not None and host in s.hosts.values()), None)


@dataclass(frozen=True)
class Eyes:
    """Looks at one coin. ``zones`` gives the zone of each record, ``names`` its name."""

    hand: Hand
    coin: str
    zones: Mapping[tuple[str, str], str]
    names: Mapping[tuple[str, str], str]

    def look(self) -> Seen:
        """Everything of the coin."""
        described = self._pages("cloudformation", "describe_stacks", "Stacks")
        mine = [s for s in described if s["StackName"].startswith(f"cq-{self.coin}-")]
        gone = ("DELETE_COMPLETE", "DELETE_IN_PROGRESS")
        stacks = {s["StackName"]: self._stack(s) for s in mine if s["StackStatus"] not in gone}
        return Seen(stacks, self.below(f"{LEDGER}/{self.coin}"), {key: self.record(key) for key in self.zones})

    def record(self, key: tuple[str, str]) -> str | None:
        """Where a record leads."""
        found = self.hand.route53.list_resource_record_sets(
            HostedZoneId=self.zones[key], StartRecordName=self.names[key], MaxItems="1"
        )["ResourceRecordSets"]
        if not found or found[0]["Name"].rstrip(".") != self.names[key]:
            return None
        return canonical(found[0].get("AliasTarget", {}).get("DNSName", "?"))

    def below(self, path: str) -> dict[str, str]:
        """Every parameter below a path."""
        found = self._pages("ssm", "get_parameters_by_path", "Parameters", Path=path, Recursive=True)
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    def notes(self, rollout: str) -> dict[str, str]:
        """A rollout's notes by their last word."""
        path = f"{ROLLOUTS}/{rollout}"
        return {name.removeprefix(path + "/"): value for name, value in self.below(path).items()}

    def instances(self, stack: str) -> dict[str, Mapping[str, Any]]:
        """The running instances of a stack."""
        return {
            i["InstanceId"]: i
            for reservation in self._pages("ec2", "describe_instances", "Reservations")
            for i in reservation["Instances"]
            if i["State"]["Name"] == "running"
            and {"Key": "coinquery:stack", "Value": stack} in i.get("Tags", [])
        }  # fmt: skip

    def monitor_records(self, stack: str) -> list[dict[str, Any]]:
        """What the monitor's log holds of a stack, oldest first."""
        try:
            events = self.hand.logs.get_log_events(
                logGroupName=MONITOR_LOG, logStreamName=stack, startFromHead=False, limit=100
            )["events"]
        except self.hand.logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(event["message"]) for event in events]

    def monitor_streams(self) -> list[str]:
        """Of what the monitor's log speaks."""
        streams = self._pages("logs", "describe_log_streams", "logStreams", logGroupName=MONITOR_LOG)
        return [stream["logStreamName"] for stream in streams]

    def _stack(self, described: Mapping[str, Any]) -> StackSeen:
        name = described["StackName"]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", ())}
        arns = [outputs[key] for key in ("LoadBalancerArn", "InternalLoadBalancerArn") if outputs.get(key)]
        policy = self.hand.cloudformation.get_stack_policy(StackName=name).get("StackPolicyBody")
        return StackSeen(
            name=name,
            arn=described["StackId"],
            status=described["StackStatus"],
            termination=described.get("EnableTerminationProtection", False),
            policy=_denies(policy),
            balancers={arn: self._protected(arn) for arn in arns},
            hosts={
                kind: canonical(outputs[key])
                for kind, key in (("public", "LoadBalancerDnsName"), ("private", "InternalLoadBalancerDnsName"))
                if outputs.get(key)
            },
            tags={t["Key"].removeprefix("coinquery:"): t["Value"] for t in described.get("Tags", ())},
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in described.get("Parameters", ())},
            updated="LastUpdatedTime" in described,
        )

    def _protected(self, arn: str) -> bool:
        try:
            found = self.hand.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        except self.hand.elbv2.exceptions.LoadBalancerNotFoundException:
            return False
        return {"Key": "deletion_protection.enabled", "Value": "true"} in found

    def _pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        pages = getattr(self.hand, service).get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in page.get(key, ())]


@dataclass(frozen=True)
class Batch:
    """A change of records as it goes over the wire: each action with the name and the target."""

    zone: str
    comment: str
    actions: tuple[tuple[str, str, str], ...]


def batch(sent: Sent) -> Batch:
    """The batch in a call of ChangeResourceRecordSets."""
    root = Xml.fromstring(sent.body)
    zone = sent.call.target.rpartition("/hostedzone/")[2].partition("/")[0]
    changes = root.iterfind(".//{*}Change")
    return Batch(
        zone,
        root.findtext(".//{*}Comment", ""),
        tuple(
            (
                change.findtext("{*}Action", ""),
                change.findtext(".//{*}Name", "").rstrip("."),
                canonical(change.findtext(".//{*}DNSName", "")),
            )
            for change in changes
        ),
    )


def canonical(host: str) -> str:
    """A host name as names compare."""
    return host.lower().rstrip(".").removeprefix("dualstack.")


def moment(text: str) -> datetime:
    """A time as records and notes have it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _denies(policy: str | None) -> bool:
    statements = json.loads(policy or "{}").get("Statement", [])
    return any(
        s.get("Effect") == "Deny" and s.get("Action") in ("Update:*", ["Update:*"]) and s.get("Resource") == "*"
        for s in statements
    )
