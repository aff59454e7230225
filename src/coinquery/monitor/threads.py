"""Blocking calls of AWS beside an event loop, none of which can hold the sweep past its deadline, nor the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Call = tuple[Callable[[], Any], Future[Any]]


class Threads:
    """A few threads for blocking calls. Closing does not wait for calls that hang.

    Nor does the end of the process, which waits for the threads of a ThreadPoolExecutor: AWS's own time limits, with
    retries, come to minutes.
    """

    def __init__(self, count: int) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads = [Thread(target=self._serve, name=f"aws-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a blocking call."""
        outcome: Future[T] = Future()
        self._calls.put((partial(function, *args, **kwargs), outcome))
        return await asyncio.wrap_future(outcome)

    def close(self) -> None:
        """Start no more calls; those under way end by AWS's own time limits."""
        while self._drop():
            pass
        for _ in self._threads:
            self._calls.put(None)

    def _drop(self) -> bool:
        try:
            call = self._calls.get_nowait()
        except Empty:
            return False
        if call is not None:
            call[1].cancel()
        return True

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            function, outcome = call
            if not outcome.set_running_or_notify_cancel():
                continue
            try:
                outcome.set_result(function())
            except BaseException as error:
                outcome.set_exception(error)
