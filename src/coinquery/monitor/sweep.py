"""One sweep: every production instance of a region is looked at once, judged, and recorded.

All instances and all references are asked at the same time, each question within a limit of its own, so one that hangs
delays nobody. The sweep as a whole has a deadline; what it did not get to by then is recorded as ``unknown``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import AwsUnreachable
from coinquery.monitor import instances, web
from coinquery.monitor.configuration import Configuration, Watched
from coinquery.monitor.head import Head
from coinquery.monitor.instances import Instance
from coinquery.monitor.invoke import Summary
from coinquery.monitor.probe import Probe
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.records import Record
from coinquery.monitor.shared import Shared
from coinquery.monitor.threads import Threads
from coinquery.monitor.verdict import Evidence, Failure, Judgement, Seen, judge
from coinquery.monitor.writer import Writer

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from coinquery.aws import Aws
    from coinquery.clock import Clock

logger = logging.getLogger(__name__)

#: Calls of AWS under way at once: DescribeStacks is throttled at a few a second for the whole account and region.
THREADS = 4


@dataclass(frozen=True)
class Limits:
    """Bounds of one sweep, in seconds. ``sweep`` is for all of it, of which ``reserve`` is kept for writing.

    ``question`` is for each question to an instance or a reference. At most ``at_once`` instances are asked at a time:
    each takes up to seven connections, and a Lambda function may have 1,024 files open.
    """

    sweep: float = 50
    reserve: float = 5
    question: float = 5
    at_once: int = 120


def run(
    region: str,
    aws: Aws,
    configuration: Configuration,
    clock: Clock,
    limits: Limits,
    on_record: Callable[[Record], None] = lambda _: None,
) -> Summary:
    """Look at every production instance of a region and write what was seen; ``on_record`` is told each record.

    Raises what AWS raised if instances could not be listed or records not be written, AwsUnreachable if it took too
    long for either.
    """
    return asyncio.run(_run(region, aws, configuration, clock, limits, on_record))


async def _run(
    region: str,
    aws: Aws,
    configuration: Configuration,
    clock: Clock,
    limits: Limits,
    on_record: Callable[[Record], None],
) -> Summary:
    log = RecordLog(aws.logs(region))
    threads = Threads(THREADS)
    async with web.open_session() as session:
        shared = Shared(session, aws.cloudformation(region), log, threads, limits.question)
        writer = Writer(log.write, threads)
        sweep = Sweep(region, configuration, clock, limits, session, shared, writer, on_record)
        try:
            async with asyncio.timeout_at(sweep.deadline):
                found = await threads.run(lambda: list(instances.find(aws.ec2(region))))
            return await sweep.over(found)
        except TimeoutError:
            raise AwsUnreachable(
                f"AWS did not answer within the sweep's {limits.sweep:g} s", "The next sweep asks again."
            ) from None
        finally:
            shared.close()
            threads.close()


@dataclass
class Sweep:
    """One sweep under way. Its ``id`` is in each of its records."""

    region: str
    configuration: Configuration
    clock: Clock
    limits: Limits
    session: ClientSession
    shared: Shared
    writer: Writer
    on_record: Callable[[Record], None]
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.id = f"{self.clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._began = asyncio.get_running_loop().time()
        self._slots = asyncio.Semaphore(self.limits.at_once)

    @property
    def deadline(self) -> float:
        """When looking ends and only writing is left, on the event loop's clock."""
        return self._began + self.limits.sweep - self.limits.reserve

    async def over(self, found: Sequence[Instance]) -> Summary:
        """Look at the instances found, and wait until their records are written. Raises TimeoutError."""
        late = await self._look_at_all(found)
        for instance in late:
            self._record(instance, Judgement("unknown", f"not seen within the sweep's {self.limits.sweep:g} s"))
        async with asyncio.timeout_at(self._began + self.limits.sweep):
            await self.writer.finish()
        return Summary(
            sweep=self.id,
            instances=len(found),
            healthy=sum(record.up for record in self.records),
            unreached=len(late),
            seconds=round(asyncio.get_running_loop().time() - self._began, 3),
        )

    async def _look_at_all(self, found: Sequence[Instance]) -> list[Instance]:
        """Look at all at once; return those that were not seen by the deadline."""
        looks = {asyncio.create_task(self._look(instance)): instance for instance in found}
        if not looks:
            return []
        _, late = await asyncio.wait(looks, timeout=self.deadline - asyncio.get_running_loop().time())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return [looks[task] for task in late]

    async def _look(self, instance: Instance) -> None:
        """Look at one instance and record it, whatever it does to us."""
        try:
            coin = self.configuration.coins.get(instance.stack.coin)
            if coin is None:
                self._record(instance, Judgement("unknown", "its coin is not in the monitor's configuration"))
                return
            evidence = await self._gather(instance, coin)
            self._record(instance, judge(evidence), evidence)
        except Exception as error:
            logger.exception("instance %s", instance.id)
            self._record(instance, Judgement("unknown", f"the monitor failed on it: {type(error).__name__}"))

    async def _gather(self, instance: Instance, coin: Watched) -> Evidence:
        head, unprotected, (seen, failure) = await asyncio.gather(
            self.shared.head(instance.stack.coin, coin),
            self.shared.unprotected(instance.stack),
            self._ask(instance, coin),
        )
        evidence = Evidence(
            now=self.clock.now(),
            launched=instance.launched,
            coin=coin,
            expected_commit=instance.commit,
            unprotected=unprotected,
            head=head,
            seen=await self._with_anchor(instance, coin, head, seen),
            failure=failure,
        )
        if (evidence.lag_blocks or 0) <= coin.tolerance_blocks:
            return evidence
        return msgspec.structs.replace(evidence, previous=await self.shared.before(instance))

    async def _ask(self, instance: Instance, coin: Watched) -> tuple[Seen, Failure | None]:
        if not instance.address:
            return Seen(), Failure("unreachable", "it has no address yet")
        async with self._slots:
            return await self._probe(instance, coin).look()

    async def _with_anchor(self, instance: Instance, coin: Watched, head: Head, seen: Seen) -> Seen:
        if head.anchor is None or seen.height is None or seen.height < head.anchor.height:
            return seen
        async with self._slots:
            return msgspec.structs.replace(seen, anchor=await self._probe(instance, coin).hash_at(head.anchor))

    def _probe(self, instance: Instance, coin: Watched) -> Probe:
        return Probe(self.session, instance.address, coin, self.limits.question)

    def _record(self, instance: Instance, judgement: Judgement, evidence: Evidence | None = None) -> None:
        record = compose(self, instance, judgement, evidence)
        self.records.append(record)
        self.writer.add(record)
        self.on_record(record)


def compose(sweep: Sweep, instance: Instance, judgement: Judgement, evidence: Evidence | None) -> Record:
    """The record of one judgement, with everything that it rests on."""
    record = Record(
        time=sweep.clock.now() if evidence is None else evidence.now,
        sweep=sweep.id,
        region=sweep.region,
        stack=str(instance.stack),
        coin=instance.stack.coin,
        instance=instance.id,
        address=instance.address,
        launched=instance.launched,
        verdict=judgement.verdict,
        reason=judgement.reason,
        release=instance.release,
        expected_commit=instance.commit,
        up=1 if judgement.verdict == "healthy" else 0,
    )
    return record if evidence is None else _with_evidence(record, evidence)


def _with_evidence(record: Record, evidence: Evidence) -> Record:
    seen, head = evidence.seen, evidence.head
    return msgspec.structs.replace(
        record,
        commit=seen.commit,
        chain=seen.chain,
        protected=None if evidence.unprotected is None else not evidence.unprotected,
        height=seen.height,
        block_time=seen.block_time,
        head=head.height,
        references=head.vouched,
        lag_blocks=evidence.lag_blocks,
        lag_seconds=evidence.lag_seconds,
        rate=evidence.rate,
        eta_seconds=evidence.eta_seconds,
        client=seen.client,
        health=seen.health,
    )
