"""What cq keeps in AWS, read back: a value that anybody may have changed is checked before it is believed."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from coinquery.errors import Unreadable

T = TypeVar("T")

#: What msgspec raises for bytes or text that is not the JSON of the wanted kind.
NOT_OF_KIND = (msgspec.DecodeError, RecursionError, UnicodeEncodeError)

#: Digits of the longest number that cq keeps.
LONGEST_NUMBER = 9


def decode(value: str, kind: type[T], name: str) -> T:
    """The JSON of the parameter ``name``; raise Unreadable if it is anything else."""
    try:
        return msgspec.json.decode(value, type=kind)
    except NOT_OF_KIND as error:
        raise unreadable(f"parameter {name}", str(error)) from None


def whole(value: str, name: str) -> int:
    """The whole number in ``value``, which ``name`` says the place of; raise Unreadable if it is none."""
    if value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER:
        return int(value)
    raise unreadable(name, f"{value[:40]!r} is no whole number")


def moment(text: str) -> datetime:
    """A time as cq writes it, with its offset; raise ValueError for any other text."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without its offset from UTC")
    return time


def unreadable(what: str, why: str, look: str = "") -> Unreadable:
    """The error that something in AWS is not what cq wrote.

    ``look`` is the command that shows it, where it is not the parameter whose name ends ``what``.
    """
    shown = look or f"aws ssm get-parameter --name {what.rpartition(' ')[2]}"
    return Unreadable(
        f"{what} can't be read: {why}",
        f"Nothing more was changed. Look at it with `{shown}`, find out who wrote it, and mend it: "
        'docs/runbook.md, "A value can\'t be read".',
    )
