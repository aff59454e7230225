"""Which commit this program was built from.

``build.txt`` is filled in by ``git archive`` and by nothing else: an image made from anything but a commit does not
know one, and no argument or variable can tell it (I3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True)
class Build:
    """The commit (40 hex digits) and its date (ISO 8601); both None where this was not built from a commit."""

    commit: str | None = None
    date: str | None = None


def built_from() -> Build:
    """What ``git archive`` wrote into this copy of the program."""
    return parse(resources.files("coinquery.service").joinpath("build.txt").read_text("utf-8"))


def parse(text: str) -> Build:
    """Read the two lines of ``build.txt``; anything but a commit and a date is no build."""
    lines = text.splitlines()
    if len(lines) != 2 or not _COMMIT.fullmatch(lines[0]):
        return Build()
    try:
        datetime.fromisoformat(lines[1])
    except ValueError:
        return Build()
    return Build(*lines)
