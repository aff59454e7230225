"""Two commands at once, turn by turn: the orders that would do most harm (I2, I6, I9).

``make chaos`` tries more, and plants bugs that its races must see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.chaos import many, part, races
from tests.chaos.contest import LOOK, Coin, Saved, watched
from tests.chaos.shop import Shop
from tests.chaos.turns import alone, moves


@dataclass
class Led:
    """A coin whose records lead nowhere, once they can be read: before that each error is raised in turn."""

    errors: list[Exception]
    asked: int = 0
    shop: Any = field(default_factory=MagicMock)

    @property
    def led(self) -> dict[str, str]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return {}


THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "ListResourceRecordSets")
BROKEN = EndpointConnectionError(endpoint_url="x")


@pytest.mark.parametrize(
    ("errors", "problem"),
    [([THROTTLED, BROKEN], ""), ([KeyError("led")], "can't look: KeyError"), ([BROKEN] * 1000, "looked 0 times only")],
)
def test_the_watcher_looks_on_and_says_what_kept_it_from_looking(errors: list[Exception], problem: str) -> None:
    coin: Any = Led(errors)
    with watched(coin) as watcher:
        while coin.asked < 6:
            Event().wait(LOOK)
    assert [problem in each for each in watcher.problems] == [True] * bool(problem)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A light world, and a team with three releases."""
    with part.shop(2) as shop:
        races.third_release(shop)
        yield shop


@pytest.fixture(scope="module")
def coin(shop: Shop) -> Coin:
    """Number 1 is live, 2 and 3 are both about to be switched to."""
    return races.two_ready(shop)


@pytest.fixture
def saved(coin: Coin) -> Iterator[Coin]:
    """That coin, set back afterwards."""
    before = Saved.of(coin)
    yield coin
    before.restore()


def test_i9_of_two_who_switch_one_wins_and_the_other_is_told_who_and_when(saved: Coin) -> None:
    """A has moved the private record when B looks where the name leads."""
    assert list(races.problems_of(saved, races.TWO_SWITCH, "AABBAB")) == []


def test_i9_what_is_half_switched_is_finished_or_given_up_before_another_switches(saved: Coin) -> None:
    alone(saved.shop, *saved.deploy(races.SECOND), holds=moves, turns=2)
    assert saved.led == {"private": saved.name(2), "public": saved.name(1)}, "killed between the two zones"
    refused = saved.shop.run(*saved.deploy(races.THIRD))
    assert refused.code == 3
    assert many.tells_who(refused), refused.said
    assert f"cq rollback {saved.ticker}" in refused.said
    saved.shop.must(*saved.rollback())
    assert set(saved.led.values()) == {saved.name(1)}, "back to where it was, and not one further"
    saved.shop.must(*saved.deploy(races.THIRD))
    assert set(saved.led.values()) == {saved.name(3)}


def test_i6_a_switch_that_slept_before_its_batch_finds_the_retirement(coin: Coin) -> None:
    """It stored its way back when the retirement had looked, and slept since: the stack is gone when it wakes."""
    assert list(races.problems_of(coin, races.ITS_STACK_RETIRED, "BABBB")) == []
    assert coin.led == {"private": coin.name(1), "public": coin.name(1)}
    assert coin.shop.team.stack(coin.name(2)) is None
