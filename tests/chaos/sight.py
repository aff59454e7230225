"""Bugs planted in the processes that kills and races disturb: those harnesses, too, must see what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.chaos import part
from tests.chaos.chains import FIRST, Chains, Kills, prepare
from tests.chaos.mutants import MUTANTS, Mutant, planted
from tests.chaos.points import AFTER, Point
from tests.chaos.races import ITS_STACK_RETIRED, TWO_SWITCH, Kind, problems_of, third_release
from tests.chaos.results import Row
from tests.chaos.shop import BATCH, Shop


def _of(what: str) -> Mutant:
    return next(each for each in MUTANTS if each.what == what)


@dataclass(frozen=True)
class Killed:
    """What is wrong only with a run that is carried on.

    ``point`` is where the first deploy is killed so that it shows, ``shows`` is in what is then found wrong.
    """

    mutant: Mutant
    point: Point
    shows: str

    @property
    def what(self) -> str:
        """The bug, and where it shows."""
        return f"{self.mutant.invariant}, planted: {self.mutant.what}; killed {self.point}"


@dataclass(frozen=True)
class Raced:
    """What is wrong only with two at once; ``order`` is one of their turns in which it shows, as ``shows`` says."""

    mutant: Mutant
    kind: Kind
    order: str
    shows: str

    @property
    def what(self) -> str:
        """The bug, and where it shows."""
        return f"{self.mutant.invariant}, planted: {self.mutant.what}; {self.kind.what}, {self.order}"


KILLED = (
    Killed(
        _of("a possible repeat is not marked"),
        Point(AFTER, "slack"),
        "Slack: cq-COIN-0001-prod: told 2 times, 0 of them marked as a possible repeat",
    ),
    Killed(
        Mutant("I11", "a way back is kept anew by each run", "", "rollout/way_back.py",
               "turn, kept = newest(notes)", "turn, kept = newest(notes)[0], None"),
        Point(AFTER, "route53:ChangeResourceRecordSets /2013-04-01/hostedzone/private/rrset/"),
        "parameters: /coinquery/rollouts/COIN/prod/us-east-1/v1.0.0/1/way-back-2: ",
    ),
)  # fmt: skip
RACED = (
    Raced(
        Mutant(
            "I9", "a record is written over, whoever moved it meanwhile", "", "dns/zone.py",
            '"Action": "CREATE"', '"Action": "UPSERT"',
            also=(("        if standing is not None:\n            changes",
                   "        if new is None:\n            changes"),),
        ),
        TWO_SWITCH,
        "ABAABB",
        "half switched: ",
    ),
    Raced(_of("a move looks for no retirement"), ITS_STACK_RETIRED, "BAABBBAAAAAA", "-0002-prod, which is gone"),
)  # fmt: skip


@contextmanager
def _mutated(shop: Shop, mutant: Mutant) -> Iterator[None]:
    """The shop's processes run a copy of the source with that bug."""
    before = shop.source
    with planted(mutant) as shop.source:
        try:
            yield
        finally:
            shop.source = before


def not_seen_by_kills(chains: Chains, killed: Killed) -> list[str]:
    """What is wrong with how kills see a bug: without it the same kill ends right; undisturbed runs have been seen."""
    kills = [Kills(FIRST.title, (killed.point,))]
    (sound,) = chains.disturbed("back", kills)
    with _mutated(chains.shop, killed.mutant):
        (result,) = chains.disturbed("back", kills)
    missed = [f"the deploy does not come to {killed.point}" for each in (sound, result) if each.missed]
    return missed + _not_seen(sound.problems, result.problems, killed.shows)


def not_seen_by_races(shop: Shop, raced: Raced) -> list[str]:
    """What is wrong with how races see a bug: without it the same order of turns ends right."""
    sound = list(problems_of(raced.kind.setting(shop), raced.kind, raced.order))
    coin = raced.kind.setting(shop)
    with _mutated(shop, raced.mutant):
        return _not_seen(sound, list(problems_of(coin, raced.kind, raced.order)), raced.shows)


def _not_seen(sound: Sequence[str], found: Sequence[str], shows: str) -> list[str]:
    wrong = [f"without the bug: {problem}" for problem in sound]
    return wrong if any(shows in problem for problem in found) else [*wrong, f"{shows!r} not seen in {list(found)}"]


def run() -> Iterator[Row]:
    """All of them."""
    with part.shop(BATCH) as shop:
        prepare(shop)
        third_release(shop)
        chains = Chains(shop)
        assert chains.undisturbed("back") == []
        for killed in KILLED:
            yield _row(killed.what, not_seen_by_kills(chains, killed))
        for raced in RACED:
            yield _row(raced.what, not_seen_by_races(shop, raced))


def _row(what: str, wrong: list[str]) -> Row:
    part.say(f"{what}: {'; '.join(wrong) or 'seen'}"[:600])
    return Row(command="all", what=what, tried=1, right=int(not wrong), problems=wrong)


if __name__ == "__main__":
    part.main("sight", lambda: list(run()))
