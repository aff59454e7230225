"""What several instances have in common, asked once a sweep however many there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from coinquery.monitor import protection, references
from coinquery.monitor.configuration import Watched
from coinquery.monitor.head import Head
from coinquery.monitor.instances import Instance
from coinquery.monitor.verdict import Sighting
from coinquery.naming import StackName

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from types_boto3_cloudformation import CloudFormationClient

    from coinquery.monitor.record_log import RecordLog
    from coinquery.monitor.records import Record
    from coinquery.monitor.threads import Threads

logger = logging.getLogger(__name__)

#: How many of a stack's newest records are read to find each instance's last one.
RECORDS_READ = 100

T = TypeVar("T")


class Shared:
    """A coin's head, a stack's protection, and a stack's last records. ``seconds`` bounds a question to a reference.

    What AWS does not answer is unknown, not an error: the instances are looked at all the same.
    """

    def __init__(
        self,
        session: ClientSession,
        cloudformation: CloudFormationClient,
        log: RecordLog,
        threads: Threads,
        seconds: float,
    ) -> None:
        self._session = session
        self._cloudformation = cloudformation
        self._log = log
        self._threads = threads
        self._seconds = seconds
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def head(self, ticker: str, coin: Watched) -> Head:
        """Where the coin's chain is."""
        return await self._once(("head", ticker), lambda: references.find_head(self._session, coin, self._seconds))

    async def unprotected(self, stack: StackName) -> tuple[str, ...] | None:
        """What of the stack's protection is off; None where AWS does not say."""
        return await self._once(
            ("protection", stack), lambda: self._ask_aws(protection.missing, self._cloudformation, stack)
        )

    async def before(self, instance: Instance) -> Sighting | None:
        """The last sighting of the instance's height, from the monitor's own records."""
        stack = str(instance.stack)
        latest: list[Record] | None = await self._once(
            ("records", stack), lambda: self._ask_aws(self._log.latest, stack, RECORDS_READ)
        )
        for record in reversed(latest or ()):
            if record.instance == instance.id and record.height is not None:
                return Sighting(record.time, record.height, record.head)
        return None

    def close(self) -> None:
        """Give up what is still being asked."""
        for task in self._asked.values():
            task.cancel()

    async def _once(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer to a question, asked by the first who wants it. Who stops waiting does not stop the others."""
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(ask())
        answer: T = await asyncio.shield(self._asked[key])
        return answer

    async def _ask_aws(self, function: Callable[..., T], *arguments: Any) -> T | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await self._threads.run(function, *arguments)
        except (BotoCoreError, ClientError) as error:
            logger.warning("unknown: %s", error)
            return None
