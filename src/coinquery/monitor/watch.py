"""The monitor at work: one sweep and all that goes with it, from the line that it began to the line that it ended.

leave a trace           it began; which of the earlier ones never ended?
look at the instances   each is judged and recorded
look at the names       as clients see them
assess                  what this says of each stack
tell                    what the team must know and was not told yet
leave a trace           it ended, and what the next one must know
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from coinquery.aws import explain
from coinquery.errors import AwsUnreachable, CoinQueryError
from coinquery.monitor import assess, garbage, instances, public_names, silences, sweep_log, web
from coinquery.monitor.alerts import Alert, step
from coinquery.monitor.invoke import Summary
from coinquery.monitor.outlook import Outlook
from coinquery.monitor.public_names import Names
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.shared import Shared
from coinquery.monitor.sweep import Limits, Sweep
from coinquery.monitor.sweep_log import Began, By, Ended, Live, SweepLog, Trace
from coinquery.monitor.threads import Threads
from coinquery.monitor.witnesses import Hearing, Memory
from coinquery.monitor.writer import Doubter, Writer
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.monitor.alerts import Channel, Notice
    from coinquery.monitor.configuration import Configuration
    from coinquery.monitor.records import Record

logger = logging.getLogger(__name__)

#: Calls of AWS under way at once: those that look, and those that write and tell, which no look may hold up.
LOOKING, WRITING = 12, 6
HOUR = timedelta(hours=1)
#: Seconds for the line of a sweep that failed.
LAST_WORD = 1.5
#: Seconds after which a line that was written is looked for once more.
LATE = 1.0

#: Tells the team of something by one channel; whether it was delivered.
Tell = Callable[["Notice", "Channel"], bool]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The monitor of one region. ``tell`` reaches the team; without it nobody is told and no alert changes.

    ``on_record`` is handed each record as it is made.
    """

    region: str
    aws: Aws
    configuration: Configuration
    clock: Clock
    by: By
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    tell: Tell | None = None
    on_record: Callable[[Record], None] = lambda _: None

    def once(self) -> Summary:
        """One sweep.

        Raises what AWS raised if instances could not be listed or records not be written, AwsUnreachable if it took too
        long for either.
        """
        import uvloop

        with garbage.searched_seldom():
            return uvloop.run(self._once())

    async def _once(self) -> Summary:
        async with web.open_session() as session:
            under_way = _UnderWay(self, session)
            try:
                return await under_way.through()
            finally:
                under_way.close()


class _UnderWay:
    """One sweep under way."""

    def __init__(self, watch: Watch, session: ClientSession) -> None:
        self._watch = watch
        self._threads = Threads(WRITING)
        self._looking = Threads(LOOKING)
        self._log = SweepLog(watch.aws.logs(watch.region))
        self._began = watch.clock.now()
        self._ended: Ended | None = None
        records = RecordLog(watch.aws.logs(watch.region))
        writer = Writer(records.write, self._threads)
        self._shared = Shared(
            watch.region,
            watch.aws,
            watch.configuration,
            records,
            self._looking,
            Hearing(session, self._began, watch.limits.question),
        )
        self._sweep = Sweep(
            id=f"{self._began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            region=watch.region,
            configuration=watch.configuration,
            clock=watch.clock,
            limits=watch.limits,
            shared=self._shared,
            writer=writer if watch.by == "monitor" else Doubter(writer),
            on_record=watch.on_record,
        )

    def close(self) -> None:
        """Give up what is still under way."""
        self._shared.close()
        self._looking.close()
        self._threads.close()

    async def through(self) -> Summary:
        """From the first line to the last."""
        trace = Trace(blind=True)
        try:
            async with asyncio.timeout_at(self._sweep.end):
                trace = await self._begin()
                ended = await self._look(trace)
                await self._threads.run(self._log.write, ended)
        except TimeoutError:
            await self._fail(trace, "out of time")
            raise _out_of_time(self._watch.limits) from None
        except Exception as error:
            await self._fail(trace, f"{type(error).__name__}: {error}"[:500])
            raise
        return Summary(
            sweep=ended.sweep,
            instances=ended.instances,
            healthy=ended.healthy,
            unreached=ended.unreached,
            seconds=ended.seconds,
        )

    async def _begin(self) -> Trace:
        """Leave the line that it began, and see what the earlier ones left."""
        trace = sweep_log.trace(await self._shared.lines(), self._watch.by, self._began)
        if trace.overlaps:  # or its end has only just been written, and does not show yet
            await asyncio.sleep(LATE)
            lines = await self._shared.ask_aws(self._log.newest)
            trace = sweep_log.trace(lines, self._watch.by, self._began)
        began = Began(
            time=self._began,
            sweep=self._sweep.id,
            region=self._watch.region,
            by=self._watch.by,
            deadline=self._began + timedelta(seconds=self._watch.limits.sweep),
        )
        await self._threads.run(self._log.write, began)
        return trace

    async def _fail(self, trace: Trace, why: str) -> None:
        """Leave the line that it failed, if AWS takes it at once; without it, the next sweep says that it died."""
        try:
            async with asyncio.timeout(LAST_WORD):
                ended = self._ended or self._ending(trace)
                await self._threads.run(self._log.write, msgspec.structs.replace(ended, failed=why))
        except Exception as error:
            known = isinstance(error, TimeoutError | CoinQueryError) or explain(error) is not None
            logger.error("the sweep's end could not be written: %s", error, exc_info=not known)

    async def _look(self, trace: Trace) -> Ended:
        ec2 = self._watch.aws.ec2(self._watch.region)
        found = await self._looking.run(lambda: list(instances.find(ec2)))
        looking = asyncio.create_task(public_names.look(self._shared, self._watch.clock, trace.live))
        await self._sweep.over(found)
        left = max(1.0, self._sweep.deadline - asyncio.get_running_loop().time())
        names = await public_names.in_time(looking, left) or public_names.unseen(self._watch.configuration, trace.live)
        outlook = await self._assess(trace, names)
        self._ended = await self._conclude(trace, outlook)
        if self._watch.tell is not None:
            await self._threads.run(self._log.write_stacks, assess.stack_lines(outlook))
        await self._sweep.writer.finish()
        return self._ended

    async def _conclude(self, trace: Trace, outlook: Outlook) -> Ended:
        """Tell what must be told; what the sweep hands on."""
        alerts = trace.alerts
        if self._watch.tell is not None and not trace.blind:
            alerts = await self._told(self._watch.tell, alerts, outlook)
        return msgspec.structs.replace(
            self._ending(trace),
            complete=outlook.complete,
            memory=await self._remember(trace.memory),
            live={name.coin: Live(stack=name.stack, way_back=name.way_back) for name in outlook.names},
            silences=outlook.silences,
            heard=outlook.silent,
            alerts=alerts,
        )

    async def _assess(self, trace: Trace, names: Names) -> Outlook:
        stacks = await self._shared.stacks()
        unprotected = {name: await self._shared.unprotected(name) for name in stacks or ()}
        store = ParameterStore(self._watch.aws.ssm(self._watch.region))
        silenced = await self._shared.ask_aws(silences.ends, store, self._began)
        return Outlook(
            time=self._watch.clock.now(),
            sweep=self._sweep.id,
            region=self._watch.region,
            stacks=assess.stack_outlooks(self._sweep.records, stacks or {}, unprotected, names.outlooks),
            names=names.outlooks,
            silences=trace.silences if silenced is None else silenced,
            died=trace.died,
            overlaps=trace.overlaps,
            unreached=self._sweep.unreached,
            complete=names.complete and stacks is not None,
            silent=await self._shared.heard(trace.heard),
        )

    async def _told(self, tell: Tell, before: tuple[Alert, ...], outlook: Outlook) -> tuple[Alert, ...]:
        """The alerts after telling what is new; what is not delivered in time is told by the next sweep."""
        decided = step(before, outlook)
        telling = {asyncio.create_task(self._threads.run(tell, *each)): each for each in decided.tellings}
        if telling:
            await asyncio.wait(telling, timeout=self._sweep.end - LAST_WORD - asyncio.get_running_loop().time())
        for task in telling:
            task.cancel()
        return decided.untold([each for task, each in telling.items() if not _is_true(task)])

    async def _remember(self, before: Memory) -> Memory:
        """What was said in this sweep, and when each reference was asked last."""
        heard = [await self._shared.witnesses(coin) for coin in self._sweep.coins]
        references = [word for each in heard for word in each.memory.words if word.kind == "reference"]
        asked = {who: time for who, time in before.asked.items() if self._began - time < HOUR}
        for each in heard:
            asked |= each.memory.asked
        return Memory(words=(*references, *assess.words(self._sweep.records)), asked=asked)

    def _ending(self, trace: Trace) -> Ended:
        """The sweep's end, with what the one before knew: all that a sweep that failed has to hand on."""
        return Ended(
            time=self._watch.clock.now(),
            sweep=self._sweep.id,
            region=self._watch.region,
            by=self._watch.by,
            seconds=round(self._sweep.elapsed, 3),
            instances=len(self._sweep.records),
            healthy=sum(record.up for record in self._sweep.records),
            unreached=self._sweep.unreached,
            blind=trace.blind,
            died=trace.died,
            overlaps=trace.overlaps,
            memory=trace.memory,
            live=trace.live,
            silences=trace.silences,
            heard=trace.heard,
            alerts=trace.alerts,
        )


def _is_true(task: asyncio.Task[bool]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None and task.result()


def _out_of_time(limits: Limits) -> AwsUnreachable:
    return AwsUnreachable(
        f"AWS did not answer within the sweep's {limits.sweep:g} s",
        'The next sweep asks again. If that fails, too: docs/runbook.md, "The monitor is silent".',
    )
