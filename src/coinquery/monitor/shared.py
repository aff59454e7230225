"""What several instances have in common, asked once a sweep however many there are."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from coinquery.monitor import addresses, references, sweep_log
from coinquery.monitor.evidence import Sighting
from coinquery.monitor.sweep_log import Line, SweepLog
from coinquery.monitor.witnesses import Hearing, Memory, Witnesses
from coinquery.stacks import stack as stacks
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from datetime import datetime

    from coinquery.aws import Aws
    from coinquery.coins import Reference
    from coinquery.monitor.configuration import Configuration
    from coinquery.monitor.instances import Instance
    from coinquery.monitor.record_log import RecordLog
    from coinquery.monitor.records import Record
    from coinquery.monitor.threads import Threads
    from coinquery.naming import StackName
    from coinquery.stacks.stack import Stack

logger = logging.getLogger(__name__)

#: Of each instance so many of the newest records are read as sweeps take that are ``PERIOD`` apart, and some more;
#: of a stack whose size is unknown as if it had a few instances.
PERIOD, MARGIN, FEW, MOST_READ = timedelta(minutes=1), 5, 10, 10_000

#: Seconds for what the sweep can do without.
AWS_SECONDS = 8.0

T = TypeVar("T")


@dataclass
class Shared:
    """The region's stacks, their protection and last records, the chains' heads, and what earlier sweeps remember.

    What AWS does not answer is unknown, not an error: the instances are looked at all the same.
    """

    region: str
    aws: Aws
    configuration: Configuration
    log: RecordLog
    threads: Threads
    hearing: Hearing
    _asked: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)
    _coins: frozenset[str] = frozenset()

    async def stacks(self) -> dict[StackName, Stack] | None:
        """The region's production stacks; None where AWS does not say."""
        return await self._once("stacks", lambda: self.ask_aws(self._read_stacks))

    async def unprotected(self, name: StackName) -> tuple[str, ...] | None:
        """What of a stack's protection is off; None where AWS does not say."""
        return await self._once(("protection", name), lambda: self._lost(name))

    async def witnesses(self, ticker: str) -> Witnesses:
        """Who says what of a coin's chain."""
        return await self._once(("witnesses", ticker), lambda: self._hear(ticker))

    async def before(self, instance: Instance, patience: timedelta) -> Sighting | None:
        """An earlier sighting of the instance, from the monitor's own records.

        The newest that is at least ``patience`` old; the oldest there is, if none is.
        """
        stack = str(instance.stack)
        known = (await self.stacks() or {}).get(instance.stack)
        read = ((known.instances if known else 0) or FEW) * (patience // PERIOD + MARGIN)
        latest: list[Record] | None = await self._once(
            ("records", stack), lambda: self.ask_aws(self.log.latest, stack, min(read, MOST_READ))
        )
        own = [r for r in latest or () if r.instance == instance.id and r.launched == instance.launched]
        return _sighting(own, self.hearing.now - patience)

    async def memory(self) -> Memory:
        """What the last sweeps of all regions remember."""
        return await self._once("memory", self._remember)

    async def heard(self, before: Mapping[str, datetime]) -> dict[str, datetime]:
        """When each other region's monitor was heard of last; what can't be read now was heard as ``before``."""
        read = {region: sweep_log.heard(lines or []) for region, lines in (await self._elsewhere()).items()}
        known = {region: heard or before.get(region) for region, heard in read.items()}
        return {region: heard for region, heard in known.items() if heard is not None}

    async def lines(self) -> list[Line] | None:
        """The newest lines of the region's sweeps; None where AWS does not say."""
        newest = SweepLog(self.aws.logs(self.region)).newest
        return await self._once("lines", lambda: self.ask_aws(newest))

    def begin(self, names: Iterable[StackName]) -> None:
        """Begin to ask what the instances of these stacks will need."""
        names = list(names)
        self._coins = frozenset({name.coin for name in names} & self.configuration.coins.keys())
        for name in names:
            self._task(("protection", name), partial(self._lost, name))
            if name.coin in self.configuration.coins:
                self._task(("witnesses", name.coin), partial(self._hear, name.coin))

    def close(self) -> None:
        """Give up what is still being asked."""
        for task in self._asked.values():
            task.cancel()

    def _read_stacks(self) -> dict[StackName, Stack]:
        found = stacks.read_all(self.aws.cloudformation(self.region))
        return {stack.name: stack for stack in found if stack.name.is_production}

    async def _lost(self, name: StackName) -> tuple[str, ...] | None:
        stack = (await self.stacks() or {}).get(name)
        if stack is None:
            return None
        protector = Protector(self.aws.cloudformation(self.region), self.aws.elbv2(self.region))
        return await self.ask_aws(protector.lost, stack)

    async def _hear(self, ticker: str) -> Witnesses:
        coin = msgspec.structs.replace(self.configuration.coins[ticker], references=await self._references(ticker))
        return await self.hearing.of(ticker, coin, await self.memory(), await self._once("askers", self._count_askers))

    async def _count_askers(self) -> Counter[str]:
        """How often each reference is asked in a minute by all: for each coin that knows it, in each region."""
        regions = max(1, len(self.configuration.regions))
        known = await asyncio.gather(*(self._references(coin) for coin in self._coins))
        names = Counter(references.name(each) for of_coin in known for each in of_coin)
        return Counter({name: count * regions for name, count in names.items()})

    async def _references(self, ticker: str) -> tuple[Reference, ...]:
        """A coin's references, with the addresses of those that are kept as secrets."""
        known = self.configuration.coins[ticker].references
        return tuple(await asyncio.gather(*(self._with_address(each) for each in known)))

    async def _with_address(self, reference: Reference) -> Reference:
        if not addresses.is_secret(reference):
            return reference
        return await self._once(("address", reference), lambda: self._read_address(reference))

    async def _read_address(self, reference: Reference) -> Reference:
        home = self.configuration.home or self.region
        read = await self.ask_aws(addresses.read, self.aws, home, reference)
        return read or addresses.without(reference, f"AWS does not say within {AWS_SECONDS:g} s")

    async def _remember(self) -> Memory:
        own = sweep_log.memory(await self.lines() or [])
        read = [lines for lines in (await self._elsewhere()).values() if lines]
        elsewhere = [word for lines in read for word in sweep_log.memory(lines).words if word.kind == "stack"]
        return Memory(words=(*own.words, *elsewhere), asked=own.asked)

    async def _elsewhere(self) -> dict[str, list[Line] | None]:
        """The newest lines of the other regions' sweeps; None where AWS does not say in time."""
        return await self._once("elsewhere", self._read_elsewhere)

    async def _read_elsewhere(self) -> dict[str, list[Line] | None]:
        others = [region for region in self.configuration.regions if region != self.region]
        logs = [SweepLog(self.aws.logs(region)) for region in others]
        read = await asyncio.gather(*(self.ask_aws(log.newest) for log in logs))
        return dict(zip(others, read, strict=True))

    def _task(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(ask())
        return self._asked[key]

    async def _once(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer to a question, asked by the first who wants it. Who stops waiting does not stop the others."""
        task = self._task(key, ask)
        return task.result() if task.done() else await asyncio.shield(task)

    async def ask_aws(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """What a call of AWS gives; None where AWS does not say, or not in time."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            async with asyncio.timeout(AWS_SECONDS):
                return await self.threads.run(function, *arguments)
        except (BotoCoreError, ClientError) as error:
            logger.warning("unknown: %s", error)
        except TimeoutError:
            logger.warning("unknown: no answer within %g s to %s", AWS_SECONDS, function)
        return None


def _sighting(own: list[Record], until: datetime) -> Sighting | None:
    seen = [Sighting(r.time, r.height, r.head, r.progress) for r in own if r.height is not None]
    old = [sighting for sighting in seen if sighting.time <= until]
    return old[-1] if old else next(iter(seen), None)
