"""What others do to the world of the state machine: hands in the console, failing machines, other people's commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.teams import REGION, RELEASES

if TYPE_CHECKING:
    from tests.chaos.eyes import StackSeen
    from tests.chaos.model import Model
    from tests.chaos.play import Ended, Play

MEANWHILE = (
    "moves the public record", "moves the private record", "kills an instance", "unprotects", "rolls back",
    "deploys another", "retires the live one", "turns the monitor off",
)  # fmt: skip
BY_HAND = ("public", "private", "termination", "policy", "balancers", "requests", "stack")
ELSEWHERE = "elsewhere.us-east-1.elb.amazonaws.com"
POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}'


@dataclass
class Others:
    """``acted`` is what they did while the last command was under way, ``judge`` judges a command of theirs.

    ``private`` is where the private record led when the public one was taken from a command, if both led to one stack.
    ``died`` is when an instance last died.
    """

    play: Play
    model: Model
    coin: str
    judge: Callable[[Ended], None]
    acted: list[str] = field(default_factory=list)
    private: str | None = None
    died: datetime | None = None

    @property
    def production(self) -> list[StackSeen]:
        """The production stacks, by name."""
        return [stack for _, stack in sorted(self.model.eyes.look().stacks.items()) if stack.is_production]

    @property
    def is_calm(self) -> bool:
        """Whether all works, and no record was moved by hand."""
        stage = self.play.stage
        ill = stage.mute or stage.commits or stage.chain.behind or stage.chain.is_down or self.model.by_hand
        is_replaced = self.died is None or self.model.now - self.died >= stage.replaces_within
        return self.play.monitor.state == "on" and is_replaced and not ill

    def act(self, what: str, number: int) -> None:
        """One of MEANWHILE; ``number`` is a choice among things."""
        self.acted.append(what)
        seen = self.model.eyes.look()
        live = seen.led_to()
        is_whole = live is not None and live == seen.led_to("prod", "private")
        self.private = self.model.eyes.record(("prod", "private")) if is_whole else None
        name = live.name if live else f"cq-{self.coin}-0001-prod"
        release = RELEASES[number % len(RELEASES)]
        {
            "moves the public record": lambda: self.move_record("public", number),
            "moves the private record": lambda: self.move_record("private", number),
            "kills an instance": lambda: self.harm("dies", number),
            "unprotects": lambda: self.unprotect("termination", number),
            "rolls back": lambda: self.command("rollback", self.coin, "--yes"),
            "deploys another": lambda: self.command(
                "deploy", self.coin, "--release", release, "--region", REGION, "--yes"
            ),
            "retires the live one": lambda: self.command("retire", name, "--name", name, typed=name),
            "turns the monitor off": lambda: self.harm("off", number),
        }[what]()

    def command(self, *words: str, typed: str | None = None) -> None:
        """Somebody else's command; ``typed`` is the name that he types."""
        model, before = self.model, (self.model.typed, self.model.glass)
        model.typed, model.glass = typed, "--break-glass" in words
        self.judge(self.play.run((*words, "--wait", self.play.terms.stay), [model.on_call]))
        model.typed, model.glass = before

    def meddle(self, what: str, which: int) -> None:
        """One of BY_HAND."""
        if what in ("public", "private"):
            self.move_record(what, which)
        elif what == "stack":
            self.make_stack()
        elif what != "requests":
            self.unprotect(what, which)
        elif stacks := self.production:
            self.count_requests(stacks[which % len(stacks)], 3)

    def harm(self, what: str, which: int) -> None:
        """One of the stage's harms."""
        stage = self.play.stage
        if what in ("off", "failing", "busy"):
            self.play.monitor.state = what
            return
        if what == "references":
            stage.chain.is_down = True
            self.model.references_down = self.model.references_down or self.model.now
            return
        found = [(s.name, i) for s in self.production for i in self.model.eyes.instances(s.name).values()]
        if not found:
            return
        stack, instance = found[which % len(found)]
        if what == "dies":
            self.play.hand.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
            self.died = self.model.now
        elif what == "mute":
            stage.mute.add(instance["PrivateIpAddress"])
        elif what == "behind":
            stage.chain.behind[instance["PrivateIpAddress"]] = 900
        else:
            stage.answers_with(stack, "f" * 40)
        stage.settle()

    def mend(self) -> None:
        """All works again; records and protection are as they are."""
        stage = self.play.stage
        stage.mute.clear()
        stage.chain.behind.clear()
        stage.chain.is_down, self.model.references_down = False, None
        for stack in list(stage.commits):
            stage.answers_with(stack, None)
        self.play.monitor.state = "on"
        stage.settle()

    def move_record(self, kind: str, to: int) -> None:
        """Let a name lead to another of our stacks, or elsewhere."""
        key, eyes = ("prod", kind), self.model.eyes
        hosts = [stack.hosts[kind] for stack in self.production if kind in stack.hosts]
        new = hosts[to % len(hosts)] if hosts and to else ELSEWHERE
        if eyes.record(key) == new:
            return
        led = eyes.look().led_to(*key)
        alias = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": new + ".", "EvaluateTargetHealth": False}
        record = {"Name": eyes.names[key], "Type": "A", "AliasTarget": alias}
        self.play.hand.route53.change_resource_record_sets(
            HostedZoneId=eyes.zones[key], ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        )
        self.model.by_hand[key] = new
        if led is not None:
            self.model.left[led.name] = self.model.now - timedelta(hours=1)  # nobody noted it

    def unprotect(self, what: str, which: int) -> None:
        """Take a production stack's termination protection, its policy, or its load balancers' protection."""
        stacks = [stack for stack in self.production if stack.name not in self.model.foreign]
        if not stacks:
            return
        stack, hand = stacks[which % len(stacks)], self.play.hand
        self.model.bare.add(stack.name)
        if what == "termination":
            hand.cloudformation.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)
        elif what == "policy":
            hand.cloudformation.set_stack_policy(StackName=stack.name, StackPolicyBody=POLICY)
        else:
            off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            for arn in stack.balancers:
                hand.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)

    def make_stack(self) -> None:
        """Make a stack of the next name."""
        numbers = [int(name.rpartition("/")[2]) for name in self.model.seen.ledger if "/prod/" in name]
        name = f"cq-{self.coin}-{max(numbers, default=0) + 1:04}-prod"
        if name in self.model.seen.stacks or self.model.foreign:
            return
        self.model.foreign.add(name)
        resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
        body = json.dumps({"Resources": {"Nothing": resource}})
        self.play.hand.cloudformation.create_stack(StackName=name, TemplateBody=body)

    def keep_metrics(self) -> None:
        """CloudWatch has metrics of every load balancer up to now, and of no new requests."""
        for stack in self.production:
            self.count_requests(stack, 0)

    def count_requests(self, stack: StackSeen, requests: int) -> None:
        """CloudWatch has metrics of a stack's load balancers up to now, and of so many requests."""
        hand, now = self.play.hand, self.model.now
        values = {"HealthyHostCount": 1.0} | ({"RequestCount": float(requests)} if requests else {})
        for arn in stack.balancers:
            (group,) = hand.elbv2.describe_target_groups(Names=[arn.split("/")[-2]])["TargetGroups"]
            dimensions = [
                {"Name": "LoadBalancer", "Value": arn.partition(":loadbalancer/")[2]},
                {"Name": "TargetGroup", "Value": group["TargetGroupArn"].rpartition(":")[2]},
            ]
            data = [
                {"MetricName": name, "Value": value, "Timestamp": now, "Dimensions": dimensions}
                for name, value in values.items()
            ]
            hand.cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)
        if requests and stack.balancers:
            self.model.requests[stack.name] = now
