"""What each part of the chaos run found: kept as rows in a file a part, from which the table in the docs is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / ".cache" / "chaos"


class Row(msgspec.Struct, kw_only=True):
    """One line of the table: ``tried`` disturbances of a kind (``what``) to a command, ``right`` of them ended right.

    ``problems`` says of each of the others what was wrong.
    """

    command: str
    what: str
    tried: int
    right: int
    problems: list[str] = []


class Part(msgspec.Struct, kw_only=True):
    """One part of the run, when it was run, on which commit and for how many seconds."""

    name: str
    commit: str
    time: str
    seconds: float
    rows: list[Row]

    @property
    def right(self) -> bool:
        """Whether all of it ended right."""
        return bool(self.rows) and all(row.tried == row.right and row.tried > 0 for row in self.rows)


def save(part: Part) -> None:
    """Keep a part's rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = FOLDER / f".{part.name}.{os.getpid()}"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(part), indent=2))
    fresh.replace(FOLDER / f"{part.name}.json")


def forget(name: str) -> None:
    """Let a part have no rows: one that does not come to its end shall not be taken for the one before."""
    (FOLDER / f"{name}.json").unlink(missing_ok=True)


def load(names: Sequence[str]) -> list[Part]:
    """The parts of these names that are kept, in that order."""
    files = [FOLDER / f"{name}.json" for name in names]
    return [msgspec.json.decode(file.read_bytes(), type=Part) for file in files if file.exists()]
