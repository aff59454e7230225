"""A production of two stacks for fuzzing, of which the second is live; one thing at a time can be made odd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coinquery import config
from coinquery.monitor.configuration import PARAMETER
from coinquery.naming import SILENCES
from coinquery.stacks.foundation import HOME_PARAMETER
from tests.fuzzing import HOME, RELEASE, Fuzzed

OLD, LIVE = "cq-eth-0001-prod", "cq-eth-0002-prod"
BALANCERS = {name: f"{name}-1.us-east-1.elb.amazonaws.com" for name in (OLD, LIVE)}
INTERNAL = "internal.example.com"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEPLOY = ("deploy", "eth", "--release", RELEASE, "--region", HOME, "--plan")
MONITOR = ("monitor", "run", "--once", "--region", HOME)
LOOKS = (
    ("ls",), ("status",), ("status", LIVE, "--json"), ("find", LIVE), ("find", "10.0.0.1"), ("find", BALANCERS[LIVE]),
    ("find", "eth.example.com"), ("find", "0123456"), ("dns", "show", "eth"), ("rollback", "eth", "--plan"),
    ("retire", OLD, "--plan"), ("retire", LIVE, "--plan"), DEPLOY, (*DEPLOY, "--number", "7"), ("monitor", "silences"),
    ("name", LIVE), ("check",), ("release", "list"),
)  # fmt: skip


def _rollout(stack: str) -> str:
    return f"eth/prod/{HOME}/v0.{stack[7:8]}/1"


def now() -> str:
    """The time, as cq writes it."""
    return datetime.now(UTC).isoformat()


def alias(target: str, name: str = "eth.example.com", **more: Any) -> dict[str, Any]:
    """A record set that leads to a load balancer."""
    target_of = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": target, "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": target_of, **more}


#: The records as they are where nothing is odd.
STANDING = {
    "public": alias(BALANCERS[LIVE]),
    "private": alias(f"internal-{BALANCERS[LIVE]}", f"eth.{INTERNAL}"),
}


def outputs_of(stack: str) -> dict[str, str]:
    """The outputs of one of the two stacks."""
    found: dict[str, str] = {}
    for kind in ("", "Internal"):
        arn = f"arn:aws:elasticloadbalancing:{HOME}:000000000000"
        found |= {
            f"{kind}LoadBalancerDnsName": BALANCERS[stack] if not kind else f"internal-{BALANCERS[stack]}",
            f"{kind}LoadBalancerZoneId": "Z35SXDOTRQ7X7K",
            f"{kind}LoadBalancerArn": f"{arn}:loadbalancer/app/{stack}/0123456789abcdef",
            f"{kind}TargetGroupArn": f"{arn}:targetgroup/{stack}/0123456789abcdef",
        }
    return found


@dataclass
class Production:
    """Two stacks, their ledger entries and notes, and the records that lead to the second."""

    fuzz: Fuzzed

    def __post_init__(self) -> None:
        level = config.load().level("prod")
        self.zones = {"public": level.public_zone, "private": str(level.private_zone)}
        self.parameters: dict[str, str] = {
            "/coinquery/latest/eth/prod": "2",
            HOME_PARAMETER: HOME,
            PARAMETER: "{}",
            f"{SILENCES}/{LIVE}": json.dumps({"until": "2999-01-01T00:00:00Z", "by": "a", "why": "b"}),
        }
        for stack in (OLD, LIVE):
            entry = dict.fromkeys(("release", "author", "reserved"), stack) | {"region": HOME, "commit": COMMIT}
            self.parameters[f"/coinquery/stacks/eth/prod/{stack[7:11]}"] = json.dumps(
                entry | {"rollout": _rollout(stack)}
            )
        notes = f"/coinquery/rollouts/{_rollout(LIVE)}"
        standing = {"public": {"name": "eth.example.com.", "target": BALANCERS[OLD], "target_zone": "Z35SXDOTRQ7X7K"}}
        self.parameters |= {
            f"{notes}/begin": now(),
            f"{notes}/proposal-1": "2",
            f"{notes}/way-back": json.dumps({"standing": standing, "stack": OLD, "time": now()}),
            **{f"{notes}/{mark}": json.dumps({"time": now(), "who": "a"}) for mark in ("created", "switched", "live")},
            f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/1/begin": now(),
            f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/1/proposal-1": "7",
        }
        for name, value in self.parameters.items():
            self.put(name, value)
        for stack in (OLD, LIVE):
            self.make(stack)
        for kind in self.zones:
            self.record("UPSERT", STANDING[kind], kind)

    def put(self, name: str, value: str) -> None:
        """Set a parameter."""
        ssm = self.fuzz.aws.ssm(HOME)
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def remove(self, name: str) -> None:
        """Take a parameter away."""
        self.fuzz.aws.ssm(HOME).delete_parameters(Names=[name])

    def record(self, action: Any, record: Any, kind: str) -> None:
        """Change the public or the private zone by hand."""
        batch: Any = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self.fuzz.aws.route53().change_resource_record_sets(HostedZoneId=self.zones[kind], ChangeBatch=batch)

    def make(self, stack: str, **changes: dict[str, str]) -> None:
        """A stack as cq makes them, but for what is changed."""
        tags = {"stack": stack, "coin": "eth", "level": "prod", "release": "v0", "commit": COMMIT, "author": "a"}
        told = {f"coinquery:{key}": value for key, value in {**tags, "rollout": _rollout(stack)}.items()}
        whole = {"outputs": outputs_of(stack), "tags": told, "parameters": {"InstanceCount": "2"}}
        self.fuzz.stack(HOME, stack, **{**whole, **changes})

    def launch(self, tags: dict[str, str], address: str) -> str:
        """An instance that runs, with these tags; return its id."""
        named: Any = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
        made = self.fuzz.aws.ec2(HOME).run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, PrivateIpAddress=address,
            TagSpecifications=named if tags else [],
        )  # fmt: skip
        return made["Instances"][0]["InstanceId"]

    def delete(self, stack: str) -> None:
        """Delete a stack."""
        cloudformation = self.fuzz.aws.cloudformation(HOME)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    @contextmanager
    def parameter(self, name: str, value: str | None) -> Iterator[None]:
        """A parameter with another value for a while, or without one."""
        if value is None:
            self.remove(name)
        else:
            self.put(name, value)
        try:
            yield
        finally:
            if name in self.parameters:
                self.put(name, self.parameters[name])
            else:
                self.remove(name)

    @contextmanager
    def stack(self, stack: str, **changes: dict[str, str]) -> Iterator[None]:
        """A stack that is something else for a while."""
        self.delete(stack)
        self.make(stack, **changes)
        try:
            yield
        finally:
            self.delete(stack)
            self.make(stack)

    @contextmanager
    def records(self, *records: Any, kind: str) -> Iterator[None]:
        """Other records under the public or the private name for a while; they are given as those of the public one."""
        self.record("DELETE", STANDING[kind], kind)
        made: list[Any] = []
        try:
            for record in records:
                name = record["Name"] if kind == "public" else record["Name"].replace("example.com", INTERNAL)
                each = {**record, "Name": name}
                self.record("CREATE", each, kind)
                made.append(each)
            yield
        finally:
            for each in made:
                self.record("DELETE", each, kind)
            self.record("CREATE", STANDING[kind], kind)

    def look(self, *looks: tuple[str, ...]) -> dict[tuple[str, ...], str]:
        """Run the commands that only look; what each said on standard error."""
        return {look: self.fuzz.looks(*look).err for look in looks or LOOKS}

    def keeps_the_live_stack(self) -> str:
        """Whatever is odd: the stack that the name leads to is not retired (I6); return what was said.

        It stays because it is live, or because something can't be read: no later rung may be what keeps it.
        """
        ran = self.fuzz.run("retire", LIVE, "--name", LIVE, "--break-glass", "something is odd")
        assert ran.code in (1, 2, 3), ran.err
        (stack,) = self.fuzz.aws.cloudformation(HOME).describe_stacks(StackName=LIVE)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert "stays: " not in ran.err or "stays: not live: " in ran.err, ran.err
        return ran.err
