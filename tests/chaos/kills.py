"""Killed at any moment (I11): every command killed at every point, run again to its end, and compared.

``python -m tests.chaos.kills PART``. CHAOS_PAIRS is how many pairs of points are tried, CHAOS_SEED draws them,
CHAOS_EVERY takes only each so many-th point, CHAOS_POINTS those with that text in their names; CHAOS_WORLDS is how many
worlds stand at the same time.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos import part, workers
from tests.chaos.chains import CHAINS, Kills, Result
from tests.chaos.part import say
from tests.chaos.points import AFTER, BEFORE, LINE, Point, worth_a_kill
from tests.chaos.results import Row
from tests.chaos.workers import Task

PAIRS = int(os.environ.get("CHAOS_PAIRS", "40"))
EVERY = int(os.environ.get("CHAOS_EVERY", "1"))
POINTS = os.environ.get("CHAOS_POINTS", "")
SEED = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 1_000_000)))
#: Chains, by the part of the chaos run that kills them.
PARTS = {"kills": ("back", "glass"), "kills-below": ("below",)}
#: How often a point is tried that a run did not come to: how often the monitor is asked differs from run to run.
#: Of a pair both points may never come.
TRIES, TRIES_OF_A_PAIR = 10, 3
WHAT = {BEFORE: "killed before a call that changes something", AFTER: "killed after one", LINE: "killed at a wait"}
TWICE = "killed twice, at a random pair of points"
CARRIED_ON = "killed, and again where only a run that carries on comes"


@dataclass
class Book:
    """What is to be tried and what became of it. Points of one command are tried in one of the chains that have it.

    ``idle`` are pairs whose points do not both come: what was done is not done again, and some waits are short. Each
    point that an undisturbed run has must be reached by itself.
    ``again`` are pairs whose second point no undisturbed run has: ``passed`` are the points of those, by command.
    """

    passed: dict[str, list[Point]]
    tries: dict[Kills, int] = field(default_factory=dict)
    results: dict[Kills, Result] = field(default_factory=dict)
    idle: set[Kills] = field(default_factory=set)
    again: set[Kills] = field(default_factory=set)

    def keep(self, result: Result) -> Kills | None:
        """Note a result; return the kills if they must be tried again, as a run did not come to their points."""
        kills = result.kills
        self.tries[kills] = self.tries.get(kills, 0) + 1
        if result.missed and not result.problems:
            if self.tries[kills] < (TRIES if len(kills.points) == 1 else TRIES_OF_A_PAIR):
                return kills
            if len(kills.points) > 1:
                self.idle.add(kills)
                return None
            result.problems.append(f"not reached in {TRIES} tries: {', '.join(map(str, result.missed))}")
        self.results[kills] = result
        return None

    def carried_on(self, result: Result) -> Iterator[Kills]:
        """The same kill, and a second one at each point that only a run which carries on has, if it is a new one."""
        command, points = result.kills.command, result.kills.points
        if len(points) != 1:
            return
        known = {(point.moment, point.name) for point in self.passed[command]}
        known |= {(kills.points[1].moment, kills.points[1].name) for kills in self.again if kills.command == command}
        for point in result.carried_on:
            if (point.moment, point.name) not in known:
                known.add((point.moment, point.name))
                kills = Kills(command, (*points, point))
                self.again.add(kills)
                yield kills

    def rows(self) -> Iterator[Row]:
        """A row for each command and kind of kill."""
        found: dict[tuple[str, str], list[Result]] = {}
        for result in self.results.values():
            points = result.kills.points
            what = (CARRIED_ON if result.kills in self.again else TWICE) if len(points) > 1 else WHAT[points[0].moment]
            what += f", each {EVERY}th point" if EVERY > 1 and len(points) == 1 else ""
            found.setdefault((result.kills.command, what), []).append(result)
        for (command, what), results in sorted(found.items()):
            wrong = [f"{result.kills}: {'; '.join(result.problems)}" for result in results if result.problems]
            yield Row(command=command, what=what, tried=len(results), right=len(results) - len(wrong), problems=wrong)


def run(chains: Sequence[str]) -> list[Row]:
    """Every point of the commands of these chains, and pairs."""
    began = time.monotonic()
    with workers.start(part.WORLDS, chains) as crew:
        book = Book(crew.passed())
        all_kills = list(_kills(book.passed))
        say(f"{len(all_kills)} kills of {len(book.passed)} commands, pairs drawn with CHAOS_SEED={SEED}")
        waiting = crew.hand_out(tasks(all_kills))
        while waiting:
            task, results = crew.result()
            again = list(filter(None, (book.keep(result) for result in results if result.kills.points)))
            again += (kills for result in results for kills in book.carried_on(result))
            left = [kills for kills in task.kills[len(results) :] if kills.points]
            waiting += crew.hand_out(tasks([*again, *left])) - 1
            wrong = [result for result in results if result.problems]
            for result in wrong:
                say(f"WRONG {result.kills}: {'; '.join(result.problems)}")
            minutes = (time.monotonic() - began) / 60
            done, all_of_them = len(book.results), len(all_kills) + len(book.again) - len(book.idle)
            say(f"{done} of {all_of_them} kills, {done / minutes:.1f} a minute")
    say(f"{len(book.idle)} pairs did not come")
    return list(book.rows())


def _kills(passed: dict[str, list[Point]]) -> Iterator[Kills]:
    """Every point of every command, in any order, so that a run that is stopped early saw some of all; then pairs."""
    chance = random.Random(SEED)
    for command, points in passed.items():
        worth = [point for point in worth_a_kill(points) if POINTS in point.name]
        chance.shuffle(worth)
        for point in worth[::EVERY]:
            yield Kills(command, (point,))
    for _ in range(PAIRS):
        command = chance.choice(list(passed))
        yield Kills(command, _pair(passed[command], chance))


def _pair(passed: Sequence[Point], chance: random.Random) -> tuple[Point, ...]:
    """Two points of a run; the second comes later, for what was done is not done again."""
    first, second = sorted(chance.sample(range(len(passed)), 2))
    return passed[first], passed[second]


def tasks(kills: Iterable[Kills]) -> list[Task]:
    """Chains that hold each of the kills once: always the chain that can take most of what is left."""
    left: dict[str, list[Kills]] = {command.title: [] for chain in CHAINS.values() for command in chain}
    for each in kills:
        left[each.command].append(each)
    made = []
    while any(left.values()):
        name = max(CHAINS, key=lambda name: sum(bool(left[command.title]) for command in CHAINS[name]))
        made.append(Task(name, _taken([command.title for command in CHAINS[name]], left)))
    return made


def _taken(titles: Sequence[str], left: dict[str, list[Kills]]) -> tuple[Kills, ...]:
    """One of what is left for each command of a chain, no further than there is any."""
    last = max(place for place, title in enumerate(titles) if left[title])
    return tuple(left[title].pop(0) if left[title] else Kills(title, ()) for title in titles[: last + 1])


if __name__ == "__main__":
    part.main(sys.argv[1], lambda: run(PARTS[sys.argv[1]]))
