"""Worlds that stand at the same time, each in a process of its own, which take chains of commands from one queue."""

from __future__ import annotations

import logging
import multiprocessing as mp
import signal
import sys
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
    """One world: first these chains, which nobody disturbs, then what the queue has, until it has None."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and take the world down
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a process that was killed breaks its connections
    with part.shop(BATCH) as shop:
        prepare(shop)
        chains = Chains(shop)
        problems = [problem for name in names for problem in chains.undisturbed(name)]
        done.put((chains.passed, problems))
        while (task := to_do.get()) is not None:
            try:
                done.put((task, chains.disturbed(task.chain, task.kills), ""))
            except Exception as error:
                done.put((task, [], f"{type(error).__name__}: {error}"))
