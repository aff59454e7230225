"""Read one value of a node's reply: the value where it is what it should be, otherwise None.

Replies come from programs that may be broken or hostile, so nothing is converted by good will: a decimal text is not
a number, ``true`` is not 1, a number without its ``0x`` is not a quantity.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypeVar

from coinquery.nodes.errors import NodeMalformed

#: Heights, times and counts above this are nobody's: it is the largest integer that every JSON reader keeps exact.
LARGEST = 2**53 - 1
LONGEST_TEXT = 256

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}", re.ASCII)
_EVM_HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_BITCOIN_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z, the last that a datetime holds

T = TypeVar("T")


def count(value: Any) -> int | None:
    """A whole number from 0 to LARGEST."""
    return value if type(value) is int and 0 <= value <= LARGEST else None


def quantity(value: Any) -> int | None:
    """A whole number from 0 to LARGEST, written in hex as Ethereum's JSON-RPC writes it: ``0x1b4``."""
    return count(int(value, 16)) if isinstance(value, str) and _QUANTITY.fullmatch(value) else None


def moment(seconds: int | None) -> datetime | None:
    """The time that is so many seconds after 1970."""
    return None if seconds is None or seconds > _LAST_SECOND else datetime.fromtimestamp(seconds, UTC)


def text(value: Any) -> str | None:
    """A printable text, cut to LONGEST_TEXT characters."""
    if not isinstance(value, str):
        return None
    cut = value[:LONGEST_TEXT]
    printable = cut if cut.isprintable() else "".join(c for c in cut if c.isprintable())
    return printable.strip() or None


def evm_hash(value: Any) -> str | None:
    """The hash of a block, as Ethereum's JSON-RPC writes it."""
    return value if isinstance(value, str) and _EVM_HASH.fullmatch(value) else None


def bitcoin_hash(value: Any) -> str | None:
    """The hash of a block, as Bitcoin's JSON-RPC writes it."""
    return value if isinstance(value, str) and _BITCOIN_HASH.fullmatch(value) else None


def member(value: Any, name: str) -> Any:
    """A member of an object; None where there is no object or no such member."""
    return value.get(name) if isinstance(value, dict) else None


def required(value: T | None, what: str) -> T:
    """The value; raise NodeMalformed naming ``what`` where it is missing or of the wrong kind."""
    if value is None:
        raise NodeMalformed(f"no readable {what} in the reply")
    return value
