"""One sweep: every production instance of a region is looked at once, judged, and recorded.

All instances and all references are asked at the same time, each within a limit of its own, so one that hangs delays
nobody. The sweep as a whole has a deadline; what it did not get to by then is recorded as ``unknown``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import AwsUnreachable
from coinquery.monitor import instances, references, web
from coinquery.monitor.configuration import Configuration, Watched
from coinquery.monitor.instances import Instance
from coinquery.monitor.invoke import Summary
from coinquery.monitor.memory import Memory
from coinquery.monitor.probe import Probe
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.records import Record
from coinquery.monitor.threads import Threads
from coinquery.monitor.verdict import Evidence, Judgement, judge
from coinquery.monitor.writer import Writer
from coinquery.naming import StackName

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.monitor.head import Head

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


async def sweep(
    region: str,
    aws: Aws,
    configuration: Configuration,
    clock: Clock,
    limits: Limits = Limits(),  # noqa: B008
    on_record: Callable[[Record], None] = lambda _: None,
) -> Summary:
    """Look at every production instance of a region and write what was seen; ``on_record`` is told each record.

    Raises what AWS raised if instances could not be listed or records not be written.
    """
    threads = Threads(THREADS)
    try:
        async with web.open_session() as session:
            return await _Sweep(region, aws, configuration, clock, limits, on_record, threads, session).run()
    finally:
        threads.close()


class _Sweep:
    """The state of one sweep."""

    def __init__(
        self,
        region: str,
        aws: Aws,
        configuration: Configuration,
        clock: Clock,
        limits: Limits,
        on_record: Callable[[Record], None],
        threads: Threads,
        session: ClientSession,
    ) -> None:
        log = RecordLog(aws.logs(region))
        self._region = region
        self._ec2 = aws.ec2(region)
        self._cloudformation = aws.cloudformation(region)
        self._coins = configuration.coins
        self._clock = clock
        self._limits = limits
        self._on_record = on_record
        self._threads = threads
        self._session = session
        self._id = f"{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._memory = Memory(log, threads)
        self._writer = Writer(log.write, threads)
        self._slots = asyncio.Semaphore(limits.at_once)
        self._heads: dict[str, asyncio.Task[Head]] = {}
        self._protections: dict[StackName, asyncio.Task[bool | None]] = {}
        self._began = asyncio.get_running_loop().time()
        self._verdicts: list[str] = []

    async def run(self) -> Summary:
        found = await self._find()
        self._ask_beside(found)
        looks = {asyncio.create_task(self._look(instance)): instance for instance in found}
        late = await self._wait(looks)
        await self._finish_writing()
        return Summary(
            sweep=self._id,
            instances=len(found),
            healthy=self._verdicts.count("healthy"),
            unreached=late,
            seconds=round(self._elapsed, 3),
        )
