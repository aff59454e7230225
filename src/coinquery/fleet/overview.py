"""Every stack of every region with what the records, the monitor and CloudFormation say of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.dns.names import Names, leads
from coinquery.errors import RecordUnfit
from coinquery.monitor.record_log import RecordLog
from coinquery.stacks import instances, inventory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime, timedelta

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.dns.names import Standing
    from coinquery.errors import CoinQueryError
    from coinquery.monitor.records import Record
    from coinquery.stacks.stack import Stack

#: Records asked for per stack and instance, so that one noisy instance hides no other.
RECORDS_AN_INSTANCE = 3


@dataclass(frozen=True)
class Row:
    """One stack. ``role`` is live, standby, failed, in progress or unknown; ``health`` is the monitor's word for it."""

    stack: str
    region: str
    role: str
    release: str
    commit: str
    health: str
    protected: bool
    status: str
    created: datetime


@dataclass(frozen=True)
class Overview:
    """The stacks by name, and why some regions did not answer."""

    rows: tuple[Row, ...]
    unanswered: Mapping[str, CoinQueryError]


def look(aws: Aws, config: Config, now: datetime, fresh: timedelta) -> Overview:
    """All stacks. Records older than ``fresh`` are no word on a stack's health."""
    seen = inventory.survey(aws, config.regions)
    standing = standings(aws, config, seen.stacks)
    with ThreadPoolExecutor(max_workers=8) as pool:
        health = list(pool.map(lambda stack: _health(aws, stack, now, fresh), seen.stacks))
    rows = tuple(
        Row(
            stack=str(stack.name),
            region=stack.region,
            role=role(stack, standing.get((stack.name.coin, stack.name.level))),
            release=stack.release,
            commit=stack.commit,
            health=word,
            protected=stack.protected,
            status=stack.status,
            created=stack.created,
        )
        for stack, word in zip(seen.stacks, health, strict=True)
    )
    return Overview(rows, seen.unanswered)


def standings(aws: Aws, config: Config, stacks: Iterable[Stack]) -> dict[tuple[str, str], Standing | None]:
    """What stands for the names of every coin and level that has a stack; None where it can't be told."""
    wanted = sorted({(stack.name.coin, stack.name.level) for stack in stacks if stack.name.level in config.levels})
    return {key: standing(aws, config, *key) for key in wanted}


def role(stack: Stack, standing: Standing | None) -> str:
    """What a stack is to its name: live whatever its status is, for clients are led to it."""
    if standing is not None and leads(standing, stack.outputs):
        return "live"
    if stack.failed:
        return "failed"
    if not stack.standing:
        return "in progress"
    return "unknown" if standing is None else "standby"


def newest(aws: Aws, stack: Stack) -> dict[str, Record]:
    """The newest record of each instance of a production stack; the monitor looks at no other (I15)."""
    if not stack.name.is_production:
        return {}
    log = RecordLog(aws.logs(stack.region))
    records = log.latest(str(stack.name), max(1, stack.instances) * RECORDS_AN_INSTANCE)
    return {record.instance: record for record in records}


def summary(stack: Stack, present: Collection[str], records: dict[str, Record], now: datetime, fresh: timedelta) -> str:
    """One word or two on a stack's health, of the instances that are ``present``; silence is not health (I13)."""
    if not stack.name.is_production:
        return "not monitored"
    if not stack.instances or stack.failed:
        return "unknown"
    current = [record for record in records.values() if record.instance in present and now - record.time <= fresh]
    healthy = sum(record.verdict == "healthy" for record in current)
    if healthy == stack.instances and len(current) == healthy:
        return "healthy"
    worst = sorted({record.verdict for record in current if record.verdict != "healthy"})
    return f"{healthy} of {stack.instances} healthy" + (f": {', '.join(worst)}" if worst else "")


def _health(aws: Aws, stack: Stack, now: datetime, fresh: timedelta) -> str:
    present = instances.of_stack(aws.ec2(stack.region), stack.name) if stack.name.is_production else {}
    return summary(stack, present, newest(aws, stack), now, fresh)


def standing(aws: Aws, config: Config, coin: str, level: str) -> Standing | None:
    """What stands for the names of a coin at a level; None where it can't be told."""
    try:
        return Names(aws.route53(), config.level(level), coin).read()
    except RecordUnfit:
        return None
