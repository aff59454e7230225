"""AWS as it really is (I12): each operation of each command meets each fault, and the end is right.

A command that meets faults ends right, or stops with a message; the same command again, with what is left of the
faults, comes to the right end. ``python -m tests.chaos.faults faults`` leads coins' lives, ``faults-first-day`` begins
with a fresh account. ``CHAOS_FAULTS`` names kinds to try (parts of their names, with commas), ``CHAOS_MIXES`` says how
many lives are led under random mixes, ``CHAOS_WORLDS`` by how many processes.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic

from tests.chaos.chains import prepare
from tests.chaos.coin_life import CoinLife
from tests.chaos.fault_kinds import KINDS, LASTING, Always, First, Kind, Noted, Skewed, Stale, mixed, prior
from tests.chaos.first_day import FirstDay
from tests.chaos.life import Life, Standing
from tests.chaos.pages import Paged
from tests.chaos.part import main, say
from tests.chaos.part import shop as open_shop
from tests.chaos.races import third_release
from tests.chaos.rates import Rates
from tests.chaos.results import Row
from tests.chaos.shares import shared
from tests.chaos.shop import BATCH

#: A monitor that gives no answer is waited for; so long that is enough here.
BRIEFLY = {"deploy": ("--wait", "10s"), "retire": ("--wait", "10s")}


@dataclass
class Matrix(Generic[Standing]):
    """Rows as they come, one for each command and kind of fault; ``begin`` begins a life."""

    begin: Callable[[], Life[Standing]]
    rows: list[Row] = field(default_factory=list)
    right: dict[str, Standing] = field(default_factory=dict)
    operations: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def learn(self) -> None:
        """What stands after each command, and which operations it makes, from an undisturbed life."""
        with closing(self.begin()) as life:
            for command, words in life.commands():
                noted = Noted()
                life.lead(words, noted)
                assert not life.problems, life.problems
                self.operations[command] = list(noted.operations)
                self.right[command] = life.standing()

    def row(self, command: str, what: str, tried: int, problems: Sequence[str]) -> None:
        """Keep a row, and say it; a command that the fault can't happen to has none."""
        if not tried and not problems:
            return
        problems = [problem[:600] for problem in dict.fromkeys(problems)]
        self.rows.append(Row(command=command, what=what, tried=tried, right=tried - min(tried, len(problems)),
                             problems=problems))  # fmt: skip
        say(f"{command}: {what}: {tried} tried, {len(problems)} problems")
        for problem in problems:
            say(f"    {problem}")

    def meet(self, name: str, part: Callable[[Matrix[Standing]], None]) -> None:
        """Try one part; what never happened to any command is a problem of its own, and so is a part that breaks."""
        begin = len(self.rows)
        try:
            part(self)
        except Exception as error:
            self.row("all", name, 1, [f"it broke: {error!r}"])
        if not any(row.tried for row in self.rows[begin:]):
            self.row("all", name, 1, ["it happened to no command"])

    def _commands(self, life: Life[Standing]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The life's commands, each with problems of its own."""
        for command, words in life.commands():
            life.problems.clear()
            yield command, words

    def once(self, kind: Kind) -> None:
        """Each operation of each command meets the fault at its first call."""
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                first = First(kind)
                ran = life.lead(words, first)
                if ran.code == 0 and ran.said and "warning" in ran.said and not kind.may_stop:
                    life.problems.append(f"warned: {ran.said}")
                life.check(self.right[command])
                if kind.is_universal:
                    life.problems += self._never_met(command, first.operations)
                self.row(command, kind.name, len(first.operations), life.problems)

    def _never_met(self, command: str, met: set[tuple[str, str]]) -> list[str]:
        """The command's operations that did not meet the fault."""
        never = [":".join(each) for each in self.operations[command] if each not in met]
        return [f"never met {', '.join(never)}"] if never else []

    def lasting(self, kind: Kind) -> None:
        """One operation after the other fails for good; what the others could do is done, and carried on with.

        Where a command came to its end all the same, the next operation meets a command that was not run yet.
        """
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                met = set[tuple[str, str]]()
                self._fail_for_good(kind, command, life, words, met)
                problems = list(life.problems)
                while len(met) < len(self.operations[command]):
                    before = len(met)
                    problems += self._fail_for_good_afresh(kind, command, met)
                    if len(met) == before:
                        problems += self._never_met(command, met)
                        break
                self.row(command, kind.name, len(met), problems)

    def _fail_for_good_afresh(self, kind: Kind, command: str, met: set[tuple[str, str]]) -> list[str]:
        """The same in a life in which that command comes next; what was wrong."""
        with closing(self.begin()) as life:
            words = life.come_to(command)
            self._fail_for_good(kind, command, life, words, met)
            return life.problems

    def _fail_for_good(
        self, kind: Kind, command: str, life: Life[Standing], words: Sequence[str], met: set[tuple[str, str]]
    ) -> None:
        """Let those that were not ``met`` fail one after the other, until the command ends well; add those that are."""
        for operation in [each for each in self.operations[command] if each not in met]:
            always = Always(kind, operation)
            ran = life.run((*words, *BRIEFLY.get(words[0], ())), always)
            if always.times:
                met.add(operation)
            if ran.code == 0 and command in life.changes:
                break
        life.heal(words, self.right[command])

    def stale(self, seconds: float, services: frozenset[str]) -> None:
        """Reads of these services lag, also behind what the command before has changed."""
        late = Stale(seconds, services)
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                before = late.late
                life.lead(words, late)
                life.check(self.right[command])
                what = f"{', '.join(sorted(services))} read {seconds:g} s late"
                self.row(command, what, late.late - before, life.problems)

    def paged(self) -> None:
        """Every list comes one element a page, after an empty page."""
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                pages = Paged()
                life.heal(words, self.right[command], pages)
                self.row(command, "pages of one element", len(pages.met), life.problems)

    def rated(self) -> None:
        """No more calls a second than AWS takes: what comes too fast is refused, and comes through all the same."""
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                rates = Rates()
                life.lead(words, rates)
                life.check(self.right[command])
                say(f"{command}: under limits of rate: {dict(rates.taken)} calls taken, {dict(rates.refused)} refused")
                self.row(command, "refused by limits of rate", rates.refused.total(), life.problems)

    def skewed(self, seconds: int) -> None:
        """The machine's clock is wrong, and AWS takes the requests all the same."""
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                life.run(words, environment={"CHAOS_SKEW": str(seconds)})
                life.heal(words, self.right[command])
                self.row(command, f"clock {seconds:+d} s", 1, life.problems)

    def refused_for_time(self) -> None:
        """The machine's clock is so wrong that AWS takes no request."""
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                refusal = Skewed()
                ran = life.run(words, refusal)
                if refusal.times and (life.is_at_its_end(words, ran) or "clock" not in ran.said + ran.out):
                    life.problems.append(f"exit code {ran.code}, no word of the clock: {ran.said[-300:]}")
                life.heal(words, self.right[command])
                self.row(command, "requests refused for their time", int(bool(refusal.times)), life.problems)

    def mix(self, seed: int, share: float) -> None:
        """Each call meets some fault with a probability."""
        dice = random.Random(seed)
        with closing(self.begin()) as life:
            for command, words in self._commands(life):
                life.lead(words, mixed(dice.random, dice.choice, share))
                life.check(self.right[command])
                problems = [f"seed {seed}: {problem}" for problem in life.problems]
                self.row(command, f"each call meets some fault, probability {share:g}", 1, problems)


@contextmanager
def coins() -> Iterator[Callable[[], Life[Any]]]:
    """Coins' lives, all in one world."""
    with open_shop(BATCH) as shop:
        prepare(shop)
        third_release(shop)
        yield lambda: CoinLife.begin(shop)


@contextmanager
def first_days() -> Iterator[Callable[[], Life[Any]]]:
    """First days, each in a world of its own."""
    yield FirstDay.begin


@dataclass(frozen=True)
class Scope:
    """Lives, and what is done to them: ``late`` are services that are read late.

    In turn, since an answer that is late everywhere hides what is late where.
    """

    lives: Callable[[], AbstractContextManager[Callable[[], Life[Any]]]]
    kinds: Sequence[Kind]
    late: Sequence[str]

    def parts(self, seeds: Sequence[int]) -> list[tuple[str, Callable[[Matrix[Any]], None]]]:
        """Each part by its name."""
        return [
            *((kind.name, partial(Matrix.once, kind=kind)) for kind in self.kinds),
            *((kind.name, partial(Matrix.lasting, kind=kind)) for kind in LASTING),
            *((f"late {each}", partial(Matrix.stale, seconds=2.0, services=frozenset({each}))) for each in self.late),
            ("late all", partial(Matrix.stale, seconds=0.3, services=frozenset(self.late))),
            ("paged", Matrix.paged),
            ("rates", Matrix.rated),
            *((f"skew {seconds}", partial(Matrix.skewed, seconds=seconds)) for seconds in (-600, -50, 50, 600)),
            ("skew refused", Matrix.refused_for_time),
            *((f"mix {seed}", partial(Matrix.mix, seed=seed, share=0.08)) for seed in seeds),
        ]


#: No record is changed on the first day.
SCOPES = {
    "faults": Scope(coins, KINDS, ("cloudformation", "route53", "ssm", "logs", "ec2", "elbv2")),
    "faults-first-day": Scope(first_days, [kind for kind in KINDS if kind.do is not prior], ("cloudformation", "ssm")),
}


def fill(scope: str, number: int, among: int) -> list[Row]:
    """Every so many-th part that is wanted."""
    wanted, mixes = os.environ.get("CHAOS_FAULTS", ""), int(os.environ.get("CHAOS_MIXES", "4"))
    parts = SCOPES[scope].parts(range(mixes))
    mine = [part for part in parts if any(word in part[0] for word in wanted.split(","))][number::among]
    if not mine:
        return []
    with SCOPES[scope].lives() as begin:
        matrix = Matrix(begin)
        matrix.learn()
        for name, part in mine:
            matrix.meet(name, part)
    return matrix.rows


def together(rows: Sequence[Row]) -> list[Row]:
    """Rows of one command and kind as one."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        known = found.setdefault((row.command, row.what), Row(command=row.command, what=row.what, tried=0, right=0))
        known.tried += row.tried
        known.right += row.right
        known.problems = [*known.problems, *row.problems]
    return list(found.values())


if __name__ == "__main__":
    scope = sys.argv[1]
    main(scope, lambda: together(shared(partial(fill, scope))))
