"""Silences: stacks of which no alert is raised until a time, for work that somebody announced.

One SSM parameter a stack, in the stack's region. A silence ends by itself; what is still wrong then is raised.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import SilenceReplaced
from coinquery.monitor.records import Moment
from coinquery.naming import SILENCES, silence_parameter
from coinquery.stored import NOT_OF_KIND

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.stacks.parameter_store import ParameterStore


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Until when, by whom and why nothing is raised of a stack."""

    until: Moment
    by: str
    why: str


def keep(store: ParameterStore, stack: StackName, silence: Silence) -> None:
    """Silence a stack, in place of a silence that it may have. Raises SilenceReplaced if another came in its place."""
    value = msgspec.json.encode(silence).decode()
    standing = store.replace(silence_parameter(stack), value)
    if standing != value:
        other = _decode(standing or "")
        by = "it was ended" if other is None else f"until {other.until:%Y-%m-%d %H:%M:%S}Z by {other.by}: {other.why}"
        raise SilenceReplaced(
            f"somebody else changed the silence of {stack} at the same time: {by}",
            "Theirs stands. Talk to them; if yours is still needed, run the same command again.",
        )


def end(store: ParameterStore, stack: StackName) -> None:
    """End a stack's silence; one that has none is as it should be."""
    store.remove(silence_parameter(stack))


def read(store: ParameterStore) -> dict[str, Silence]:
    """All silences by stack, also those that are over. What can't be read silences nobody."""
    found = ((name.rpartition("/")[2], _decode(value)) for name, value in store.below(SILENCES).items())
    return {stack: silence for stack, silence in found if silence is not None}


def ends(store: ParameterStore, now: datetime) -> dict[str, datetime]:
    """When the silences end that last, by stack."""
    return {stack: silence.until for stack, silence in read(store).items() if silence.until > now}


def _decode(value: str) -> Silence | None:
    try:
        return msgspec.json.decode(value, type=Silence)
    except NOT_OF_KIND:
        return None
