"""The way back of a live stack: is the stack before still there, protected, and in step?

A standby that has fallen behind is no way back, and the time to hear of it is before it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from coinquery import naming
from coinquery.errors import BadStackName, NotOurStack, Unreadable
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.standpoint import said
from coinquery.monitor.verdict import SERVING
from coinquery.stacks import retiring, way_back
from coinquery.stacks import stack as stacks
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.notes import of_id

if TYPE_CHECKING:
    from coinquery.monitor.records import Record
    from coinquery.monitor.standpoint import Standpoint
    from coinquery.naming import StackName
    from coinquery.stacks.stack import Stack

#: How old an instance's newest record may be, in seconds.
FRESH = 180
#: How many records are read for each instance: more than the sweeps of that time make.
RECORDS_READ = 5
BEHIND = ("starting", "syncing", "stalled", "lagging")


@dataclass(frozen=True)
class Back:
    """The stack that a rollback would give the name to, None if there is none, and what is wrong with it."""

    stack: str | None = None
    problems: tuple[str, ...] = ()


def look(live: Stack, at: Standpoint) -> Back:
    """Look at the way back of a live stack: as its rollout's newest note has it, and as AWS has its stack.

    Of a stack in ``at.stacks`` it asks AWS for two notes, the protection and the newest records. A stack in another
    region is described as well. One that is gone, or whose protection is off, may be retired: the ledger and a note or
    two tell.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        back = way_back.read(of_id(at.store, live.rollout))
        if back is None or back.standing.public is None or not back.stack:
            return Back()
        name = naming.parse(back.stack)
        return _look_at(name, at.region_of(back.standing.public.target), at)
    except (NotOurStack, BadStackName, Unreadable) as error:
        return Back(None, (f"the way back of {live.name} can't be read: {error}",)) if live.rollout else Back()
    except (BotoCoreError, ClientError) as error:
        return Back(None, (f"the way back of {live.name} could not be looked at: {said(error)}",))


def _look_at(name: StackName, region: str | None, at: Standpoint) -> Back:
    stack = _find(name, region, at)
    gone = (f"{name}, the way back, is gone, and was not retired by cq",)
    problems = gone if stack is None else (*_fallen(stack), *at.unprotected(stack))
    if problems and _is_retired(name, at):
        return Back()
    return Back(str(name), problems if stack is None else problems + _out_of_step(stack, at))


def _find(name: StackName, region: str | None, at: Standpoint) -> Stack | None:
    """The stack, here or where its load balancer's name says, or in any region if that says nothing."""
    if name in at.stacks:
        return at.stacks[name]
    others = [each for each in at.configuration.regions if each != at.region and region in (None, each)]
    found = (stacks.read(at.aws.cloudformation(other), name) for other in others)
    return next((stack for stack in found if stack is not None), None)


def _fallen(stack: Stack) -> tuple[str, ...]:
    return () if stack.standing else (f"{stack.name}, the way back, is {stack.status}",)


def _is_retired(name: StackName, at: Standpoint) -> bool:
    """Whether cq retired it or is about to: then its time as the way back is over."""
    entry = Ledger(at.store).entry(name)
    return entry is not None and retiring.is_under_way(of_id(at.store, entry.rollout), at.clock.now())


def _out_of_step(stack: Stack, at: Standpoint) -> tuple[str, ...]:
    """What its newest records say, where they do not say that every instance is healthy now."""
    log, now = RecordLog(at.aws.logs(stack.region)), at.clock.now()
    newest = {r.instance: r for r in log.latest(str(stack.name), RECORDS_READ * max(1, stack.instances))}
    fresh = [record for record in newest.values() if now - record.time <= timedelta(seconds=FRESH)]
    if not fresh:
        last = max((record.time for record in newest.values()), default=None)
        saw = "none" if last is None else f"the newest is {(now - last).total_seconds():.0f} s old"
        return (f"{stack.name} is no way back: no record of the last {FRESH} s, {saw}",)
    few = len(fresh) < stack.instances
    missing = (f"{stack.name} has fresh records of {len(fresh)} instances and must have {stack.instances}",)
    unhealthy = [record for record in fresh if record.verdict not in SERVING]
    return (*(missing if few else ()), *(_unhealthy(record) for record in unhealthy))


def _unhealthy(record: Record) -> str:
    if record.verdict in BEHIND and record.lag_blocks:
        return (
            f"{record.stack} has fallen behind and is no way back: {record.instance} is {record.verdict} at height "
            f"{record.height}, {record.lag_blocks} blocks ({record.lag_seconds} s) behind head {record.head}"
        )
    return f"{record.stack} is no way back: {record.instance} is {record.verdict}: {record.reason}"
