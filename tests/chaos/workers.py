"""Worlds that stand at the same time, each in a process of its own, which take chains of commands from one queue."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos import part
from tests.chaos.chains import Chains, Kills, Result, prepare
from tests.chaos.points import Point
from tests.chaos.shop import BATCH

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

#: How long a chain may take at most, in seconds.
LONGEST = 1200
#: How many chains are disturbed in one world: each world is slower the more it has seen.
TASKS_A_WORLD = 20


@dataclass(frozen=True)
class Task:
    """A chain and where its commands are killed."""

    chain: str
    kills: tuple[Kills, ...]


@dataclass
class Crew:
    """The processes, what is to be done and what was."""

    size: int
    to_do: Queue[Task | None]
    done: Queue[Any]

    def passed(self) -> dict[str, list[Point]]:
        """The points that undisturbed chains passed, in all worlds, by command; raise where one did not end well."""
        found: dict[str, list[Point]] = {}
        for _ in range(self.size):
            passed, problems = self.done.get(timeout=LONGEST)
            if problems:
                raise AssertionError(f"an undisturbed chain went wrong: {problems}")
            for command, points in passed.items():
                known = found.setdefault(command, [])
                known += [point for point in points if point not in known]
        return found

    def hand_out(self, tasks: Iterable[Task]) -> int:
        """Add tasks; return how many."""
        added = list(tasks)
        for task in added:
            self.to_do.put(task)
        return len(added)

    def result(self) -> tuple[Task, list[Result]]:
        """The next chain that came to its end."""
        task, results, error = self.done.get(timeout=LONGEST)
        if error:
            raise AssertionError(f"{task}: {error}")
        return task, results


@contextmanager
def start(size: int, chains: Sequence[str]) -> Iterator[Crew]:
    """So many worlds for these chains, for as long as the block runs."""
    context = mp.get_context("spawn")
    crew = Crew(size, context.Queue(), context.Queue())
    processes = [context.Process(target=work, args=(crew.to_do, crew.done, tuple(chains))) for _ in range(size)]
    for process in processes:
        process.start()
    try:
        yield crew
    finally:
        for _ in processes:
            crew.to_do.put(None)
        for process in processes:
            process.join(60)
            process.terminate()
            process.join(60)


def work(to_do: Queue[Task | None], done: Queue[Any], names: Sequence[str]) -> None:
    """One world after the other, each for what the queue has, until it has None."""
    part.begin_process()
    with _learned(names) as (chains, problems):
        done.put((chains.passed, problems))
        is_over = _take(to_do, done, chains)
    while not is_over:
        with _learned(names) as (chains, problems):
            if problems:
                done.put((None, [], f"an undisturbed chain went wrong: {problems}"))
                return
            is_over = _take(to_do, done, chains)


@contextmanager
def _learned(names: Sequence[str]) -> Iterator[tuple[Chains, list[str]]]:
    """A new world after these chains, which nobody disturbed, and what was wrong with them.

    What they leave names commits, which each world has of its own: it is learned in each.
    """
    with part.shop(BATCH) as shop:
        prepare(shop)
        chains = Chains(shop)
        yield chains, [problem for name in names for problem in chains.undisturbed(name)]


def _take(to_do: Queue[Task | None], done: Queue[Any], chains: Chains) -> bool:
    """As many of the queue's tasks as a world sees; whether there are no more."""
    for _ in range(TASKS_A_WORLD):
        task = to_do.get()
        if task is None:
            return True
        try:
            done.put((task, chains.disturbed(task.chain, task.kills), ""))
        except Exception as error:
            done.put((task, [], f"{type(error).__name__}: {error}"))
    return False
