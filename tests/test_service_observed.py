"""One question for all who want to know at the same time."""

from __future__ import annotations

import asyncio

import pytest

from coinquery.service.observed import Observed
from tests.services import run


class Source:
    """Answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.is_broken = False

    async def ask(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.is_broken:
            raise ValueError
        return self.asked


def test_all_who_ask_share_a_question_and_one_who_leaves_does_not_stop_it() -> None:
    async def steps() -> None:
        source = Source()
        observed = Observed(source.ask, fresh_for=3600)
        waiting = [asyncio.ensure_future(observed.get()) for _ in range(10)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        source.may_answer.set()
        assert await asyncio.gather(*waiting[1:]) == [1] * 9
        assert await observed.get() == 1

    run(steps())


def test_an_answer_that_is_no_longer_fresh_is_asked_for_anew() -> None:
    async def steps() -> None:
        source = Source()
        source.may_answer.set()
        observed = Observed(source.ask, fresh_for=0)
        assert [await observed.get(), await observed.get()] == [1, 2]

    run(steps())


def test_a_failure_is_told_to_all_and_asked_again_later() -> None:
    async def steps() -> None:
        source = Source()
        source.is_broken = True
        source.may_answer.set()
        observed = Observed(source.ask, fresh_for=0)
        with pytest.raises(ValueError):  # noqa: PT011 it is ours
            await observed.get()
        source.is_broken = False
        assert await observed.get() == 2

    run(steps())
