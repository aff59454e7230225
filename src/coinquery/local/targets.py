"""The health of a load balancer's targets, found by asking each of them its health check's question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from coinquery.aws import Aws, pages
from coinquery.local import draining
from coinquery.local.calls import Answer, Call

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client

PROBE_TIMEOUT = 1.0
#: What holds where a target group does not say how long its targets drain, in seconds (Elastic Load Balancing's guide).
DEREGISTRATION_DELAY = 300
_XMLNS = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"


@dataclass(frozen=True)
class Target:
    """A registered target; ``address`` is empty where there is no such running instance."""

    id: str
    port: int
    address: str
    age: float


@dataclass(frozen=True)
class Verdict:
    """A target's state, in the words of DescribeTargetHealth."""

    state: str
    reason: str = ""
    description: str = ""


DRAINING = Verdict("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")


@dataclass(frozen=True)
class Group:
    """A target group: how its targets are asked, whether a listener sends anything there, and how long a target that
    leaves it drains, in seconds.
    """

    described: Mapping[str, Any]
    in_use: bool
    drains: float


async def target_health(aws: Aws, call: Call, answer: Answer) -> Answer:
    """ministack's answer to DescribeTargetHealth with the states that the targets' own answers give."""
    registered = [
        (member.findtext("{*}Target/{*}Id", ""), int(member.findtext("{*}Target/{*}Port", "0")))
        for member in answer.xml.iterfind(".//{*}TargetHealthDescriptions/{*}member")
    ]
    group, targets = await asyncio.to_thread(_look_up, aws, call, registered)
    verdicts = await _ask_all(group, targets)
    members = [_member(target, verdict) for target, verdict in zip(targets, verdicts, strict=True)]
    if group.in_use and not any(name.startswith("Targets.") for name in call.parameters):
        left = draining.of_group(call.parameters["TargetGroupArn"]).draining(registered, group.drains)
        members += [_member(Target(name, port, "", 0), DRAINING) for name, port in left]
    return replace(answer, body=_envelope("".join(members)).encode())


def _look_up(aws: Aws, call: Call, registered: Iterable[tuple[str, int]]) -> tuple[Group, list[Target]]:
    arn, elbv2 = call.parameters["TargetGroupArn"], aws.elbv2(call.region)
    (described,) = elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    instances = {
        instance["InstanceId"]: instance
        for reservation in pages(aws.ec2(call.region), "describe_instances", "Reservations")
        for instance in reservation["Instances"]
        if instance["State"]["Name"] in ("pending", "running")
    }
    group = Group(described, any(arn in action.values() for action in _actions(elbv2)), _delay(elbv2, arn))
    return group, [_target(name, port, instances.get(name)) for name, port in registered]


def _delay(elbv2: ElasticLoadBalancingv2Client, arn: str) -> float:
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    given = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    return float(given.get("deregistration_delay.timeout_seconds", DEREGISTRATION_DELAY))


def _actions(elbv2: ElasticLoadBalancingv2Client) -> Iterator[Mapping[str, Any]]:
    """What every rule of every listener does; ministack's target groups do not say who uses them."""
    for balancer in pages(elbv2, "describe_load_balancers", "LoadBalancers"):
        for listener in pages(elbv2, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            for rule in pages(elbv2, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield from rule["Actions"]


def _target(name: str, port: int, instance: Mapping[str, Any] | None) -> Target:
    if instance is None:
        return Target(name, port, "" if name.startswith("i-") else name, 0)
    age = (datetime.now(UTC) - instance["LaunchTime"]).total_seconds()
    return Target(name, port, instance["PrivateIpAddress"], age)


async def _ask_all(group: Group, targets: Iterable[Target]) -> list[Verdict]:
    from aiohttp import ClientSession, ClientTimeout

    async with ClientSession(timeout=ClientTimeout(total=PROBE_TIMEOUT), trust_env=False) as session:
        return await asyncio.gather(*(_ask(session, group, target) for target in targets))


async def _ask(session: ClientSession, group: Group, target: Target) -> Verdict:
    """As a load balancer would: wrong status, no answer, or not yet asked often enough to tell."""
    from aiohttp import ClientError

    if not group.in_use:
        return Verdict("unused", "Target.NotInUse", "Target group is not configured to receive traffic")
    if not target.address:
        return Verdict("unused", "Target.InvalidState", "Target is in the stopped or terminated state")
    described = group.described
    port = target.port if described["HealthCheckPort"] == "traffic-port" else described["HealthCheckPort"]
    try:
        async with session.get(f"http://{target.address}:{port}{described.get('HealthCheckPath', '/')}") as response:
            if _matches(response.status, described.get("Matcher", {}).get("HttpCode", "200")):
                return Verdict("healthy")
            failed = Verdict("unhealthy", "Target.ResponseCodeMismatch", f"Answered with code {response.status}")
    except TimeoutError:
        failed = Verdict("unhealthy", "Target.Timeout", "Request timed out")
    except ClientError:
        failed = Verdict("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    if target.age < described["UnhealthyThresholdCount"] * described["HealthCheckIntervalSeconds"]:
        return Verdict("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    return failed


def _matches(status: int, codes: str) -> bool:
    """Whether a status is among ``200``, ``200,202`` or ``200-299``."""
    ranges = (part.partition("-") for part in codes.split(","))
    return any(int(first) <= status <= int(last or first) for first, _, last in ranges)


def _member(target: Target, verdict: Verdict) -> str:
    reason = f"<Reason>{verdict.reason}</Reason><Description>{escape(verdict.description)}</Description>"
    return (
        f"<member><Target><Id>{target.id}</Id><Port>{target.port}</Port></Target>"
        f"<HealthCheckPort>{target.port}</HealthCheckPort>"
        f"<TargetHealth><State>{verdict.state}</State>{reason if verdict.reason else ''}</TargetHealth></member>"
    )


def _envelope(members: str) -> str:
    return (
        f'<DescribeTargetHealthResponse xmlns="{_XMLNS}"><DescribeTargetHealthResult>'
        f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions></DescribeTargetHealthResult>"
        "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></DescribeTargetHealthResponse>"
    )
