"""One stack in full: what it is, what protects it, where its name leads, and each instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.fleet import overview
from coinquery.stacks import instances
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.monitor.records import Record
    from coinquery.stacks.instances import Instance
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class InstanceDetail:
    """One instance, and the monitor's newest record of it in words."""

    instance: str
    state: str
    address: str
    zone: str
    verdict: str
    reason: str
    height: int | None
    age: int | None


@dataclass(frozen=True)
class Detail:
    """Everything that ``cq status`` shows of a stack. ``missing`` names what is not protected."""

    stack: str
    region: str
    status: str
    role: str
    health: str
    release: str
    commit: str
    rollout: str
    author: str
    created: datetime
    protected: bool
    missing: tuple[str, ...]
    load_balancer: str
    instances: tuple[InstanceDetail, ...]


def detail(aws: Aws, config: Config, stack: Stack, now: datetime, fresh: timedelta) -> Detail:
    """Look a stack up in full."""
    records = overview.newest(aws, stack)
    standing = overview.standings(aws, config, [stack]).get((stack.name.coin, stack.name.level))
    protector = Protector(aws.cloudformation(stack.region), aws.elbv2(stack.region))
    missing = protector.read(stack.name).missing if stack.name.is_production else ()
    found = instances.of_stack(aws.ec2(stack.region), stack.name)
    return Detail(
        stack=str(stack.name),
        region=stack.region,
        status=stack.status,
        role=overview.role(stack, standing),
        health=overview.summary(stack, found, records, now, fresh),
        release=stack.release,
        commit=stack.commit,
        rollout=stack.rollout,
        author=stack.tags.get("author", ""),
        created=stack.created,
        protected=stack.protected,
        missing=missing,
        load_balancer=stack.outputs.get("LoadBalancerDnsName", ""),
        instances=tuple(_instance(instance, records.get(who), now) for who, instance in sorted(found.items())),
    )


def _instance(instance: Instance, record: Record | None, now: datetime) -> InstanceDetail:
    return InstanceDetail(
        instance=instance.id,
        state=instance.state,
        address=instance.address,
        zone=instance.zone,
        verdict="no record" if record is None else record.verdict,
        reason="" if record is None else record.reason,
        height=None if record is None else record.height,
        age=None if record is None else round((now - record.time).total_seconds()),
    )
