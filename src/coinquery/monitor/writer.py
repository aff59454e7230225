"""Write each record as soon as it is known: a sweep that dies leaves what it saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from coinquery.monitor.records import Record
from coinquery.monitor.threads import Threads

#: Seconds for which a record waits for others of its stack, to share their call.
TOGETHER = 0.2


class Keeper(Protocol):
    """What keeps records."""

    def add(self, record: Record) -> None:
        """Take a record."""
        ...

    async def finish(self) -> None:
        """Wait until everything that is to be written is written; raise the first error if something could not be."""
        ...


class Writer:
    """Writes records in the background, those of one stack that come close together in one call."""

    def __init__(self, write: Callable[[Sequence[Record]], None], threads: Threads) -> None:
        self._write = write
        self._threads = threads
        self._waiting: dict[str, list[Record]] = {}
        self._writes: list[asyncio.Task[None]] = []

    def add(self, record: Record) -> None:
        """Take a record; it is on its way within ``TOGETHER`` seconds."""
        if record.stack not in self._waiting:
            self._waiting[record.stack] = []
            self._writes.append(asyncio.create_task(self._flush(record.stack)))
        self._waiting[record.stack].append(record)

    async def finish(self) -> None:
        """Wait until everything is written; raise the first error if something could not be."""
        outcomes = await asyncio.gather(*self._writes, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _flush(self, stack: str) -> None:
        await asyncio.sleep(TOGETHER)
        await self._threads.run(self._write, self._waiting.pop(stack))


class Doubter:
    """Writes nothing before any instance was reached: from a place without a way to them, nothing is seen of them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._held: list[Record] = []
        self._reached = False

    def add(self, record: Record) -> None:
        """Take a record; it is written at once if an instance was reached, this one or another."""
        self._held.append(record)
        self._reached = self._reached or was_reached(record)
        if self._reached:
            for held in self._held:
                self._writer.add(held)
            self._held.clear()

    async def finish(self) -> None:
        """Wait until everything is written that was not held back for good."""
        await self._writer.finish()


def was_reached(record: Record) -> bool:
    """Whether the instance answered, be it nonsense."""
    return record.verdict == "malformed" or record.commit is not None or record.height is not None
