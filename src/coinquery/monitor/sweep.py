"""One sweep: every production instance of a region is looked at once, judged, and recorded.

Instances and references are asked at the same time, each question within a limit of its own, so one that hangs delays
nobody. The sweep as a whole has a deadline; what it did not get to by then is recorded as ``unknown``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from coinquery.monitor import probe
from coinquery.monitor.evidence import Evidence, Failure, Seen
from coinquery.monitor.instances import Instance
from coinquery.monitor.records import Record
from coinquery.monitor.verdict import Judgement, judge

if TYPE_CHECKING:
    from coinquery.clock import Clock
    from coinquery.monitor.configuration import Configuration, Watched
    from coinquery.monitor.shared import Shared
    from coinquery.monitor.writer import Keeper

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Bounds of one sweep, in seconds. ``sweep`` is for all, of which ``reserve`` is kept for writing and telling.

    ``question`` is for each question to an instance or a reference. At most ``at_once`` instances are asked at a time:
    each takes a connection, and a Lambda function may have 1,024 files open.
    """

    sweep: float = 50
    reserve: float = 10
    question: float = 5
    at_once: int = 900


@dataclass
class Sweep:
    """One sweep under way. Its ``id`` is in each of its records; it began at ``began`` on the event loop's clock."""

    id: str
    region: str
    configuration: Configuration
    clock: Clock
    limits: Limits
    shared: Shared
    writer: Keeper
    on_record: Callable[[Record], None]
    records: list[Record] = field(default_factory=list)
    unreached: int = 0

    def __post_init__(self) -> None:
        self.began = asyncio.get_running_loop().time()
        self._slots = asyncio.Semaphore(self.limits.at_once)
        self._looks: set[asyncio.Task[None]] = set()

    @property
    def deadline(self) -> float:
        """When looking ends and only writing is left, on the event loop's clock."""
        return self.began + self.limits.sweep - self.limits.reserve

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return asyncio.get_running_loop().time() - self.began

    @property
    def coins(self) -> set[str]:
        """The coins of which it found instances that it can judge."""
        return {record.coin for record in self.records} & self.configuration.coins.keys()

    @property
    def end(self) -> float:
        """When all ends, on the event loop's clock."""
        return self.began + self.limits.sweep

    async def over(self, found: Sequence[Instance]) -> None:
        """Look at the instances found; their records are on their way when it returns."""
        late = await self._look_at_all(found)
        for instance in late:
            self._record(instance, Judgement("unknown", f"not seen within the sweep's {self.limits.sweep:g} s"))
        self.unreached = len(late)

    async def _look_at_all(self, found: Sequence[Instance]) -> list[Instance]:
        """Look at all; return those that were not seen by the deadline."""
        self.shared.begin({instance.stack for instance in found})
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self.deadline):
                await self._begin(found)
                while self._looks:
                    await asyncio.wait(self._looks)
        late = list(self._looks)
        for look in late:
            look.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        seen = {record.instance for record in self.records}
        return [instance for instance in found if instance.id not in seen]

    async def _begin(self, found: Iterable[Instance]) -> None:
        """Begin one look after the other, each when there is a slot for its question, so that few are under way."""
        for instance in found:
            coin = self.configuration.coins.get(instance.stack.coin)
            if coin is None:
                self._record(instance, Judgement("unknown", "its coin is not in the monitor's configuration"))
                continue
            await self._slots.acquire()
            look = asyncio.create_task(self._look(instance, coin))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _look(self, instance: Instance, coin: Watched) -> None:
        """Look at one instance and record it, whatever it does to us."""
        try:
            evidence = await self._gather(instance, coin)
            self._record(instance, judge(evidence), evidence)
        except Exception as error:
            logger.exception("instance %s", instance.id)
            self._record(instance, Judgement("unknown", f"the monitor failed on it: {type(error).__name__}"))

    async def _gather(self, instance: Instance, coin: Watched) -> Evidence:
        seen, failure = await self._ask(instance)
        witnesses = await self.shared.witnesses(instance.stack.coin)
        evidence = Evidence(
            now=self.clock.now(),
            launched=instance.launched,
            coin=coin,
            expected_commit=instance.commit,
            unprotected=await self.shared.unprotected(instance.stack),
            head=witnesses.head_for(str(instance.stack)),
            seen=seen,
            failure=failure,
        )
        if (evidence.lag_blocks or 0) <= coin.tolerance_blocks and (evidence.age or 0) <= coin.tolerance:
            return evidence
        before = await self.shared.before(instance, timedelta(seconds=coin.patience))
        return msgspec.structs.replace(evidence, previous=before)

    async def _ask(self, instance: Instance) -> tuple[Seen, Failure | None]:
        """Its answer. The slot is another's then, whatever is still to be found out about this one."""
        try:
            if not instance.address:
                return Seen(), Failure("unreachable", "it has no address yet")
            return await probe.look(instance.address, self.limits.question)
        finally:
            self._slots.release()

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
    seen, head, volume = evidence.seen, evidence.head, evidence.seen.volume
    anchor = next(iter(evidence.compared), None)
    return msgspec.structs.replace(
        record,
        commit=seen.commit,
        chain=seen.chain,
        protected=None if evidence.unprotected is None else not evidence.unprotected,
        height=seen.height,
        block_time=seen.block_time,
        head=head.height,
        witnesses=head.vouched,
        anchor=None if anchor is None else anchor.height,
        anchor_hash=None if anchor is None else seen.anchors.get(anchor.height),
        expected_anchor_hash=None if anchor is None else anchor.hash,
        lag_blocks=evidence.lag_blocks,
        lag_seconds=evidence.lag_seconds,
        progress=seen.progress,
        rate=evidence.rate,
        eta_seconds=evidence.eta_seconds,
        volume_size=None if volume is None else volume.size,
        volume_free=None if volume is None else volume.free,
        volume_days=None if volume is None else volume.days,
        client=seen.client,
        health=seen.health,
    )
