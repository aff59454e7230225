"""AWS as it really is (I12): each operation of each command meets each fault, and the end is right.

A command that meets faults ends right, or stops with a message; the same command again, with what is left of the
faults, comes to the right end. ``CHAOS_FAULTS`` names kinds to try (parts of their names, with commas),
``CHAOS_MIXES`` says how many coins' lives are led under random mixes.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.account import Account
from tests.chaos.chains import clean_up, prepare
from tests.chaos.fault_kinds import KINDS, LASTING, Always, First, Kind, Skewed, Stale, mixed
from tests.chaos.life import BRIEFLY, CHANGES, TRIES, Life
from tests.chaos.pages import Paged
from tests.chaos.part import main, say
from tests.chaos.part import shop as open_shop
from tests.chaos.races import third_release
from tests.chaos.rates import Rates
from tests.chaos.results import Row
from tests.chaos.shop import Shop


@dataclass
class Matrix:
    """Rows as they come, one for each command and kind of fault."""

    shop: Shop
    rows: list[Row] = field(default_factory=list)
    right: dict[str, Account] = field(default_factory=dict)
    operations: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def learn(self) -> None:
        """What a coin's account is after each command, and which operations it makes, from an undisturbed life."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            with self.shop.proxy() as proxy:
                while (ran := self.shop.start(proxy, *words).end()).code == 3:
                    time.sleep(1)
            assert ran.code == 0, ran.said
            self.operations[command] = list(dict.fromkeys((call.service, call.operation) for call in proxy.calls))
            self.right[command] = Account.of(self.shop, life.coin)

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

    def meet(self, name: str, part: Callable[[Matrix], None]) -> None:
        """Try one part; what never happened to any command is a problem of its own, and so is a part that breaks."""
        begin = len(self.rows)
        try:
            part(self)
        except Exception as error:
            self.row("all", name, 1, [f"it broke: {error!r}"])
        if not any(row.tried for row in self.rows[begin:]):
            self.row("all", name, 1, ["it happened to no command"])

    def once(self, kind: Kind) -> None:
        """Each operation of each command meets the fault at its first call."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
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
        life = Life.begin(self.shop)
        for command, words in life.commands():
            problems, met = list[str](), set[tuple[str, str]]()
            self._fail_for_good(kind, command, life, words, met)
            problems += life.problems
            life.problems.clear()
            while len(met) < len(self.operations[command]):
                before, (other, again) = len(met), Life.before(self.shop, command)
                self._fail_for_good(kind, command, other, again, met)
                problems += other.problems
                clean_up(self.shop, other.coin)
                if len(met) == before:
                    problems += self._never_met(command, met)
                    break
            self.row(command, kind.name, len(met), problems)

    def _fail_for_good(
        self, kind: Kind, command: str, life: Life, words: Sequence[str], met: set[tuple[str, str]]
    ) -> None:
        """Let those that were not ``met`` fail one after the other, until the command ends well; add those that are."""
        for operation in [each for each in self.operations[command] if each not in met]:
            always = Always(kind, operation)
            ran = life.run((*words, *BRIEFLY.get(words[0], ())), always)
            if always.times:
                met.add(operation)
            if ran.code == 0 and command in CHANGES:
                break
        life.heal(words, self.right[command])

    def stale(self, seconds: float, services: frozenset[str]) -> None:
        """Reads of these services lag, also behind what the command before has changed."""
        life, late = Life.begin(self.shop), Stale(seconds, services)
        for command, words in life.commands():
            life.problems.clear()
            before = late.late
            life.lead(words, late)
            life.check(self.right[command])
            what = f"{', '.join(sorted(services))} read {seconds:g} s late"
            self.row(command, what, late.late - before, life.problems)

    def paged(self) -> None:
        """Every list comes one element a page, after an empty page."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
            pages = Paged()
            for _ in range(TRIES):
                if (ran := life.run(words, pages)).code != 3:
                    break
            if ran.code:
                life.problems.append(f"exit code {ran.code}: {ran.said[-600:]}")
            life.check(self.right[command])
            self.row(command, "pages of one element", len(pages.met), life.problems)

    def rated(self) -> None:
        """No more calls a second than AWS takes: what comes too fast is refused, and comes through all the same."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
            rates = Rates()
            life.lead(words, rates)
            life.check(self.right[command])
            say(f"{command}: under limits of rate: {dict(rates.taken)} calls taken, {dict(rates.refused)} refused")
            self.row(command, "refused by limits of rate", rates.refused.total(), life.problems)

    def skewed(self, seconds: int) -> None:
        """The machine's clock is wrong, and AWS takes the requests all the same."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
            life.run(words, environment={"CHAOS_SKEW": str(seconds)})
            life.heal(words, self.right[command])
            self.row(command, f"clock {seconds:+d} s", 1, life.problems)

    def refused_for_time(self) -> None:
        """The machine's clock is so wrong that AWS takes no request."""
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
            refusal = Skewed()
            ran = life.run(words, refusal)
            if ran.code != 1 or "clock" not in ran.said:
                life.problems.append(f"exit code {ran.code}, no word of the clock: {ran.said[-300:]}")
            life.heal(words, self.right[command])
            self.row(command, "requests refused for their time", int(bool(refusal.times)), life.problems)

    def mix(self, seed: int, share: float) -> None:
        """Each call meets some fault with a probability."""
        dice = random.Random(seed)
        life = Life.begin(self.shop)
        for command, words in life.commands():
            life.problems.clear()
            life.lead(words, mixed(dice.random, dice.choice, share))
            life.check(self.right[command])
            problems = [f"seed {seed}: {problem}" for problem in life.problems]
            self.row(command, f"each call meets some fault, probability {share:g}", 1, problems)


#: What is read late, by whole services: in turn, since an answer that is late everywhere hides what is late where.
LATE = ("cloudformation", "route53", "ssm", "logs", "ec2", "elbv2")


#: How many parts share a world: the names of more coins don't fit into a policy.
TOGETHER = 8


def run() -> list[Row]:
    """All of it."""
    wanted, mixes = os.environ.get("CHAOS_FAULTS", ""), int(os.environ.get("CHAOS_MIXES", "4"))
    parts = [part for part in _parts(range(mixes)) if any(word in part[0] for word in wanted.split(","))]
    rows: list[Row] = []
    for begin in range(0, len(parts), TOGETHER):
        with open_shop(TOGETHER + 2) as shop:
            prepare(shop)
            third_release(shop)
            matrix = Matrix(shop)
            matrix.learn()
            for name, part in parts[begin : begin + TOGETHER]:
                matrix.meet(name, part)
            rows += matrix.rows
    return together(rows)


def _parts(seeds: Sequence[int]) -> list[tuple[str, Callable[[Matrix], None]]]:
    parts: list[tuple[str, Callable[[Matrix], None]]] = [
        *((kind.name, partial(Matrix.once, kind=kind)) for kind in KINDS),
        *((kind.name, partial(Matrix.lasting, kind=kind)) for kind in LASTING),
        *((f"late {each}", partial(Matrix.stale, seconds=2.0, services=frozenset({each}))) for each in LATE),
        ("late all", partial(Matrix.stale, seconds=0.3, services=frozenset(LATE))),
        ("paged", Matrix.paged),
        ("rates", Matrix.rated),
        *((f"skew {seconds}", partial(Matrix.skewed, seconds=seconds)) for seconds in (-600, -50, 50, 600)),
        ("skew refused", Matrix.refused_for_time),
        *((f"mix {seed}", partial(Matrix.mix, seed=seed, share=0.08)) for seed in seeds),
    ]
    return parts


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
    main("faults", run)
