"""How a part of the chaos run is run: a light world and a shop, progress on standard error, rows kept at the end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.results import PROJECT, Part, Row, forget, save
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage, light_world
from tests.worlds import World

#: How many worlds a part that shares its work has at the same time, each in a process of its own.
WORLDS = int(os.environ.get("CHAOS_WORLDS", "2"))
#: Variables that choose some of what a part tries: such a run is told and not kept for the table.
CHOSEN = (
    "CHAOS_POINTS", "CHAOS_EVERY", "CHAOS_PAIRS", "CHAOS_FAULTS", "CHAOS_MIXES", "CHAOS_RACES", "CHAOS_SEEDS",
    "CHAOS_STEPS",
)  # fmt: skip


@contextmanager
def ground(*without: str) -> Iterator[tuple[World, Stage, Path]]:
    """A light world of its own, without the parts with one of these words in their names, and a folder for a team."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        root = Path(folder)
        (root / "team").mkdir()
        with light_world(root / "world", without=without) as (world, stage):
            yield world, stage, root / "team"


@contextmanager
def shop(coins: int) -> Iterator[Shop]:
    """A shop in a light world of its own."""
    with ground("litecoin") as (world, stage, folder):
        yield Shop.open(world, stage, folder, coins)


def begin_process() -> None:
    """What each process of a part does first: SIGTERM takes its worlds down with it; broken connections are no news."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def main(name: str, run: Callable[[], Sequence[Row]]) -> None:
    """Run a part, say and keep what it found; exit with 1 unless all of it ended right."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and take worlds and workers down
    began = time.monotonic()
    commit, is_whole = _commit(), not any(os.environ.get(name) for name in CHOSEN)
    if is_whole:
        forget(name)
    rows = list(run())
    seconds = round(time.monotonic() - began, 1)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    part = Part(name=name, commit=commit, time=now, seconds=seconds, rows=rows)
    if is_whole:
        save(part)
    for row in rows:
        say(f"{row.command}: {row.what}: {row.right} of {row.tried} right")
        for problem in row.problems:
            say(f"    {problem}")
    say(f"{name}: {'all right' if part.right else 'NOT all right'}, {seconds:.0f} s")
    sys.exit(0 if part.right else 1)


def _commit() -> str:
    """What is run; a ``+`` says that more than the commit is."""
    head, changed = (
        subprocess.run(("git", *words), cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
        for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "src", "tests"))
    )
    return f"{head}+" if changed else head


def say(text: str) -> None:
    """A line of progress."""
    print(f"{datetime.now(UTC):%H:%M:%S}Z  {text}", file=sys.stderr, flush=True)
