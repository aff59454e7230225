"""Bugs planted in the processes that kills and races disturb: those harnesses, too, must see what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos import part
from tests.chaos.chains import FIRST, Chains, Kills, prepare
from tests.chaos.mutants import MUTANTS, Mutant, planted
from tests.chaos.points import AFTER, Point
from tests.chaos.races import ITS_STACK_RETIRED, TWO_SWITCH, Kind, problems_of, third_release
from tests.chaos.results import Row
from tests.chaos.shop import BATCH, Shop


def _of(what: str) -> Mutant:
    return next(each for each in MUTANTS if each.what == what)


#: What is wrong only with a run that is carried on, and where the first deploy is killed so that it shows.
KILLED: tuple[tuple[Mutant, Point], ...] = (
    (_of("a possible repeat is not marked"), Point(AFTER, "slack")),
    (
        Mutant("I11", "a way back is kept anew by each run", "", "rollout/way_back.py",
               "turn, kept = newest(notes)", "turn, kept = newest(notes)[0], None"),
        Point(AFTER, "route53:ChangeResourceRecordSets /2013-04-01/hostedzone/private/rrset/"),
    ),
)  # fmt: skip
#: What is wrong only with two at once, and an order of their turns in which it shows.
RACED: tuple[tuple[Mutant, Kind, str], ...] = (
    (
        Mutant(
            "I9",
            "a record is written over, whoever moved it meanwhile",
            "",
            "dns/zone.py",
            '"Action": "CREATE"',
            '"Action": "UPSERT"',
            also=(
                (
                    "        if standing is not None:\n            changes",
                    "        if new is None:\n            changes",
                ),
            ),
        ),
        TWO_SWITCH,
        "ABAABB",
    ),
    (_of("a move looks for no retirement"), ITS_STACK_RETIRED, "BAABBBAAAAAA"),
)


@contextmanager
def _mutated(shop: Shop, mutant: Mutant) -> Iterator[None]:
    """The shop's processes run a copy of the source with that bug."""
    before = shop.source
    with planted(mutant) as shop.source:
        try:
            yield
        finally:
            shop.source = before


def seen_by_kills(chains: Chains, mutant: Mutant, point: Point) -> list[str]:
    """What is found wrong with a first deploy that has the bug and is killed there; undisturbed ones have been seen."""
    with _mutated(chains.shop, mutant):
        (result,) = chains.disturbed("back", [Kills(FIRST.title, (point,))])
    assert not result.missed, f"the deploy does not come to {point}"
    return result.problems


def seen_by_races(shop: Shop, mutant: Mutant, kind: Kind, order: str) -> list[str]:
    """What is found wrong with a race of two that have the bug, in that order."""
    coin = kind.setting(shop)
    with _mutated(shop, mutant):
        return list(problems_of(coin, kind, order))


def run() -> Iterator[Row]:
    """All of them."""
    with part.shop(BATCH) as shop:
        prepare(shop)
        third_release(shop)
        chains = Chains(shop)
        assert chains.undisturbed("back") == []
        for mutant, point in KILLED:
            yield _row(mutant, f"killed {point}", seen_by_kills(chains, mutant, point))
        for mutant, kind, order in RACED:
            yield _row(mutant, f"{kind.what}, {order}", seen_by_races(shop, mutant, kind, order))


def _row(mutant: Mutant, where: str, seen: list[str]) -> Row:
    what = f"{mutant.invariant}, planted: {mutant.what}; {where}"
    part.say(f"{what}: {'; '.join(seen) or 'NOT seen'}"[:600])
    return Row(command="all", what=what, tried=1, right=int(bool(seen)), problems=[] if seen else ["not seen"])


if __name__ == "__main__":
    part.main("sight", lambda: list(run()))
