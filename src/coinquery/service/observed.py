"""Ask for something at most once at a time and once in a while, however many want to know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Observed(Generic[T]):
    """An answer that stays fresh for some seconds; all who ask while it is fetched share one question."""

    def __init__(self, ask: Callable[[], Awaitable[T]], fresh_for: float = 1.0) -> None:
        self._ask = ask
        self._fresh_for = fresh_for
        self._question: asyncio.Task[T] | None = None
        self._stale_at = 0.0

    async def get(self) -> T:
        """The answer, asked for anew if the last one is older than it may be. Raises what asking raises.

        Whoever stops waiting does not stop the question for the others.
        """
        question = self._question
        if question is not None and question.done() and asyncio.get_running_loop().time() < self._stale_at:
            return question.result()
        if question is None or question.done():
            question = self._question = asyncio.create_task(self._fetch())
        return await asyncio.shield(question)

    async def _fetch(self) -> T:
        try:
            return await self._ask()
        finally:
            self._stale_at = asyncio.get_running_loop().time() + self._fresh_for
