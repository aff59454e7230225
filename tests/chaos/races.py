"""Two at once (I2, I6, I9): the same deploy ten times over, and two commands that are after one name, turn by turn.

Two commands are held right before each dangerous call and let go on in every order, or in a sample of the orders where
there are many. Whatever the order: both records lead to one stack, it stands and is proven, nothing that is deleted is
led to at any moment, who comes second is told who was first and when, and each command run again ends.

``CHAOS_RACES`` is how many orders of each kind are tried at most, ``CHAOS_SEEDS`` how often ten are started at once.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coinquery.local.calls import Call
from coinquery.stacks import way_back
from coinquery.stacks.notes import of_id
from tests.chaos import many, part, turns
from tests.chaos.chains import clean_up
from tests.chaos.contest import Coin, Saved, again, watched
from tests.chaos.results import Row
from tests.chaos.shop import BATCH, Ran, Shop
from tests.chaos.turns import dangerous, moves, play, schedules

#: Who was first, and when.
WHO_AND_WHEN = re.compile(r"by arn:\S+ at 20\d\d-|(at|since) 20\d\d-\S+ by arn:")
FIRST, SECOND, THIRD = "v1.0.0", "v1.1.0", "v1.2.0"


@dataclass(frozen=True)
class Kind:
    """Two commands that race: ``setting`` makes the coin, ``commands`` names A's and B's words for it.

    ``turns`` is how many dangerous calls A and B make. ``ends`` are the numbers to which the name may lead in the end,
    ``taken`` the one that may be gone by then: a move and a retirement may both give way, but of two moves one wins.
    """

    command: str
    what: str
    setting: Callable[[Shop], Coin]
    commands: Callable[[Coin], Mapping[str, Sequence[str]]]
    holds: Callable[[Call], bool]
    turns: tuple[int, int]
    ends: tuple[int, ...]
    taken: int = 0


def one_and_two_ready(shop: Shop) -> Coin:
    """Number 1 is live, 2 is proven and about to be switched to."""
    coin = _coin(shop)
    coin.live(FIRST)
    coin.ready(SECOND)
    return coin


def two_ready(shop: Shop) -> Coin:
    """Number 1 is live, 2 and 3 are both about to be switched to."""
    coin = one_and_two_ready(shop)
    coin.ready(THIRD)
    return coin


def two_live(shop: Shop) -> Coin:
    """Number 2 is live, and 1 was before it."""
    coin = _coin(shop)
    coin.live(FIRST)
    coin.live(SECOND)
    return coin


def two_live_three_ready(shop: Shop) -> Coin:
    """Number 2 is live, 1 was before it, and 3 is about to be switched to."""
    coin = two_live(shop)
    coin.ready(THIRD)
    return coin


def given_back(shop: Shop) -> Coin:
    """Number 1 is live again, and 2 was."""
    coin = two_live(shop)
    shop.must(*coin.rollback())
    return coin


TWO_SWITCH = Kind(
    "deploy", "another release switched at the same time", two_ready,
    lambda coin: {"A": coin.deploy(SECOND), "B": coin.deploy(THIRD)}, moves, (3, 3), (2, 3),
)  # fmt: skip
ITS_STACK_RETIRED = Kind(
    "deploy", "its stack retired at the same time", one_and_two_ready,
    lambda coin: {"A": coin.deploy(SECOND), "B": coin.retire(2)}, dangerous, (8, 4), (1, 2), 2,
)  # fmt: skip
KINDS = (
    TWO_SWITCH,
    ITS_STACK_RETIRED,
    Kind(
        "rollback", "another release switched at the same time", two_live_three_ready,
        lambda coin: {"A": coin.rollback(), "B": coin.deploy(THIRD)}, moves, (2, 3), (1, 2, 3),
    ),
    Kind(
        "rollback", "rolled back at the same time", two_live,
        lambda coin: {"A": coin.rollback(), "B": coin.rollback()}, moves, (2, 2), (1,),
    ),
    Kind(
        "deploy", "the stack before retired at the same time", one_and_two_ready,
        lambda coin: {"A": coin.deploy(SECOND), "B": coin.retire(1)}, dangerous, (8, 4), (2,), 1,
    ),
    Kind(
        "rollback", "its destination retired at the same time", two_live,
        lambda coin: {"A": coin.rollback(), "B": coin.retire(1)}, dangerous, (9, 4), (1, 2), 1,
    ),
    Kind(
        "retire", "retired at the same time", given_back,
        lambda coin: {"A": coin.retire(2), "B": coin.retire(2)}, dangerous, (4, 4), (1,), 2,
    ),
)  # fmt: skip


def race(shop: Shop, kind: Kind, orders: Iterable[str]) -> Row:
    """One kind of race in all of these orders."""
    problems, tried, saved = [], 0, None
    for order in orders:
        if saved is None:
            saved = Saved.of(kind.setting(shop))
        found = list(problems_of(saved.coin, kind, order))
        tried += 1
        problems += [f"{order} of {saved.coin.ticker}: {each}" for each in found]
        part.say(f"{kind.command}, {kind.what}: {order}: {'; '.join(found) or 'right'}")
        if found or kind.taken:
            clean_up(shop, saved.coin.ticker)
            saved = None
        else:
            saved.restore()
    if saved is not None:
        clean_up(shop, saved.coin.ticker)
    wrong = len({problem.partition(":")[0] for problem in problems})
    what = f"{kind.what}: {tried} of {sum(1 for _ in turns.orders(*kind.turns))} orders"
    return Row(command=kind.command, what=what, tried=tried, right=tried - wrong, problems=problems)


def problems_of(coin: Coin, kind: Kind, order: str) -> Iterator[str]:
    """What is wrong with a race in that order, while it runs, when it is over, and when each command is run again."""
    commands = kind.commands(coin)
    with watched(coin) as watcher:
        ran = play(coin.shop, order, commands, kind.holds)
        yield from (f"{letter} {problem}" for letter, each in ran.items() for problem in _said(each))
        if not kind.taken and not any(each.is_at_its_end for each in ran.values()):
            yield "nobody wins"
        yield from _half(coin)
        if all(words[0] == "deploy" and ran[letter].code == 0 for letter, words in commands.items()):
            yield from _goes_back_further(coin, kind)
        second = {letter: again(coin.shop, command) for letter, command in _worth_again(coin, kind, commands)}
    yield from (f"{letter} again {problem}" for letter, each in second.items() for problem in _said(each))
    yield from sorted(watcher.problems)
    yield from _half(coin)
    yield from coin.unprotected()
    led = coin.led["public"]
    if led not in [coin.name(number) for number in kind.ends]:
        yield f"the name leads to {led} in the end"
    if led == coin.name(kind.taken) and coin.shop.team.stack(led) is None:
        yield f"{led} is live and gone"


def _worth_again(coin: Coin, kind: Kind, commands: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """All, but no deploy whose stack was retired: it would make the next one."""
    for letter, command in commands.items():
        if command[0] != "deploy" or not kind.taken or coin.shop.team.stack(coin.name(2)) is not None:
            yield letter, command


def _half(coin: Coin) -> Iterator[str]:
    led = coin.led
    if led["public"] != led["private"]:
        yield f"half switched: {led}"


def _goes_back_further(coin: Coin, kind: Kind) -> Iterator[str]:
    """Of two deploys that both had the name, the later goes back to the earlier (I9, I10)."""
    live = coin.led["public"]
    (before,) = {coin.name(number) for number in kind.ends} - {live}
    back = way_back.read(of_id(coin.shop.team.means("eth").store, coin.stacks[live].rollout))
    if back is None or back.stack != before:
        yield f"{live} took the name from {before} and goes back to {back and back.stack}"


def _said(ran: Ran) -> Iterator[str]:
    """What is wrong with how a command ended: who is refused for what another did is told who that was, and when."""
    last = ran.said.rpartition("\ncq: ")[2].strip()
    if ran.code not in (0, 3, 4) or "Traceback" in ran.said:
        yield f"exit {ran.code}: {last}"
    elif ran.code == 3 and "stays" not in last and not WHO_AND_WHEN.search(last):
        yield f"is not told who and when: {last}"


def _coin(shop: Shop) -> Coin:
    return Coin(shop, shop.coin())


def third_release(shop: Shop) -> None:
    """One release more than a team has."""
    team = shop.team
    team.repository.change(f"The change of {THIRD}")
    team.must("release", "create", "eth", THIRD)
    team.commits[THIRD] = team.repository.head()
    team.build(team.commits[THIRD])


def run() -> Iterator[Row]:
    """All kinds of races."""
    most, seeds = int(os.environ.get("CHAOS_RACES", "20")), range(int(os.environ.get("CHAOS_SEEDS", "3")))
    seed = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 1_000_000)))
    part.say(f"orders drawn with CHAOS_SEED={seed}")
    with part.shop(BATCH) as shop:
        third_release(shop)
        for kind in KINDS:
            yield race(shop, kind, schedules(*kind.turns, most, seed))
    with part.shop(BATCH) as shop:
        many.take_time(shop)
        yield many.same_deploy(shop, seeds)
        yield many.new_deploys(shop, seeds)


if __name__ == "__main__":
    part.main("races", lambda: list(run()))
