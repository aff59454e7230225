"""Work that several processes share, each in worlds of its own."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from tests.chaos import part
from tests.chaos.results import Row

#: What a process does: it is told its number, from 0, and how many there are. It must be picklable.
Work = Callable[[int, int], Sequence[Row]]


def shared(work: Work) -> list[Row]:
    """The rows of all processes; one that ends without any is a problem of its own."""
    context, among = mp.get_context("spawn"), part.WORLDS
    pipes = [context.Pipe(duplex=False) for _ in range(among)]
    processes = [context.Process(target=_do, args=(work, n, among, pipe[1])) for n, pipe in enumerate(pipes)]
    for process, (_, theirs) in zip(processes, pipes, strict=True):
        process.start()
        theirs.close()
    try:
        return [row for number, (ours, _) in enumerate(pipes) for row in _received(ours, number)]
    finally:
        for process in processes:
            process.terminate()
            process.join(60)


def _received(ours: Connection, number: int) -> list[Row]:
    try:
        rows: list[Row] = ours.recv()
    except EOFError:
        return [Row(command="all", what=f"share {number}", tried=1, right=0, problems=["it broke"])]
    return rows


def _do(work: Work, number: int, among: int, theirs: Connection) -> None:
    part.begin_process()
    theirs.send(list(work(number, among)))
    theirs.close()
