"""``make chaos``: every part of the chaos run, and the table in ``docs/reliability.md`` that it makes.

Without arguments all parts are run; the names of parts run only those. ``--table`` writes the table from what is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.part import say
from tests.chaos.results import FOLDER, PROJECT, Part, Row, load

#: Each part's name, and the command that runs it.
PARTS: dict[str, tuple[str, ...]] = {
    "kills": ("tests.chaos.kills", "kills"),
    "kills-below": ("tests.chaos.kills", "kills-below"),
    "faults": ("tests.chaos.faults", "faults"),
    "faults-first-day": ("tests.chaos.faults", "faults-first-day"),
    "races": ("tests.chaos.races",),
    "machine": ("tests.chaos.driver",),
    "mutants": ("tests.chaos.mutants",),
    "sight": ("tests.chaos.sight",),
    "fuzz": ("tests.chaos.fuzz",),
    "load": ("tests.chaos.load",),
    "machine-real": ("tests.chaos.driver", "--real"),
}
#: What is run one after the other: first two lanes side by side, one for each of two cores; then what measures real
#: time, with nothing beside it.
TOGETHER = (
    ("machine", "races"),
    ("kills", "kills-below", "faults", "faults-first-day", "mutants", "sight", "fuzz"),
)
ALONE = ("load", "machine-real")
PAGE = PROJECT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: made by `make chaos` -->", "<!-- end of the table -->"


def main(arguments: Sequence[str]) -> int:
    """Run parts and write the table; 1 if a part did not end right."""
    if "--table" in arguments:
        write(load(tuple(PARTS)))
        return 0
    wanted = set(arguments or PARTS)
    if unknown := wanted - PARTS.keys():
        say(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
        return 2
    signal.signal(signal.SIGTERM, _end_all)
    began = time.monotonic()
    with ThreadPoolExecutor() as lanes:
        failed = [name for ended in lanes.map(lambda lane: _run(lane, wanted), TOGETHER) for name in ended]
    failed += _run(ALONE, wanted)
    write(load(tuple(PARTS)))
    verdict = f"NOT right: {', '.join(failed)}" if failed else "all right"
    say(f"chaos took {(time.monotonic() - began) / 60:.0f} min; {verdict}")
    return 1 if failed else 0


def _end_all(*_: object) -> None:
    """Whoever ends this process ends the parts that it started: all of its group."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.killpg(0, signal.SIGTERM)


def _run(lane: Sequence[str], wanted: set[str]) -> list[str]:
    """Run parts one after the other, each with a log of its own; return those that did not end right."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in (each for each in lane if each in wanted):
        log = FOLDER / f"{name}.log"
        say(f"{name} begins; its log is {log.relative_to(PROJECT)}")
        with log.open("w") as file:
            command = [sys.executable, "-m", *PARTS[name]]
            ended = subprocess.run(command, cwd=PROJECT, stdout=file, stderr=subprocess.STDOUT, check=False)
        if ended.returncode != 0:
            failed.append(name)
        say(f"{name}: {log.read_text(errors='replace').strip().splitlines()[-1:]}")
    return failed


def write(parts: Iterable[Part]) -> None:
    """Put the table into its page."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table(parts)}\n{END}{rest.partition(END)[2]}", "utf-8")


def table(parts: Iterable[Part]) -> str:
    """What became of each command in each part; when each part was run, on what, how long; then row by row."""
    kept = list(parts)
    times = [f"- {p.name}: {p.time[:16]}Z, commit {p.commit}, {p.seconds / 60:.1f} min" for p in kept]
    lines = ["| part | command | what was done to it | tried | ended right |", "| --- | --- | --- | ---: | ---: |"]
    lines += [f"| {p.name} | {r.command} | {r.what} | {r.tried} | {r.right} |" for p in kept for r in p.rows]
    return "\n".join([*_summary(kept), "", *times, "", "### Row by row", "", *lines]) + "\n"


def _summary(parts: Sequence[Part]) -> list[str]:
    """One line a command, one column a part: how many ended right, of how many tried."""
    commands = dict.fromkeys(row.command for part in parts for row in part.rows)
    lines = [f"| command | {' | '.join(part.name for part in parts)} |", f"| --- |{' ---: |' * len(parts)}"]
    for command in commands:
        cells = (_right_of_tried([row for row in part.rows if row.command == command]) for part in parts)
        lines.append(f"| {command} | {' | '.join(cells)} |")
    return lines


def _right_of_tried(rows: Sequence[Row]) -> str:
    return f"{sum(row.right for row in rows)} of {sum(row.tried for row in rows)}" if rows else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
