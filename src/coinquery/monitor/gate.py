"""The rollout's gate: which instances the monitor's records prove, and what is missing for the others (I7).

An instance is proven by its newest records of ``in_a_row`` different sweeps, if every one of them says healthy with the
right commit. The newest must not be older than ``record_age``, and no two neighbours further apart: a monitor that
stopped, or paused while nobody looked, proves nothing. Records older than the instance, from the future, of another
stack or another instance count for nothing or against it, never for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from coinquery.clock import CLOCK_SKEW
from coinquery.monitor.records import Record


@dataclass(frozen=True)
class Proven:
    """The instance is healthy, by the records of these sweeps, newest first."""

    sweeps: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """The instance is not proven, and why. ``newest`` is the newest record of it that counts, if there is one."""

    reason: str
    newest: Record | None = None


@dataclass(frozen=True)
class Demand:
    """What proof must show: of which stack and commit, how fresh, and how many sweeps in a row."""

    stack: str
    commit: str
    record_age: timedelta
    in_a_row: int


def proof(
    records: Iterable[Record], instances: Mapping[str, datetime], demand: Demand, now: datetime
) -> dict[str, Proven | Missing]:
    """Judge each of exactly the expected ``instances`` (instance id to time of launch) by the records given."""
    kept = [record for record in records if record.stack == demand.stack]
    return {
        instance: _prove([r for r in kept if r.instance == instance], launched, demand, now)
        for instance, launched in instances.items()
    }


def _prove(records: Sequence[Record], launched: datetime, demand: Demand, now: datetime) -> Proven | Missing:
    own = sorted((r for r in records if r.time > launched and r.launched == launched), key=lambda r: r.time)
    if not own:
        return Missing(f"no record of it since its launch at {launched:%Y-%m-%d %H:%M:%S}Z")
    newest = own[-1]
    sweeps = _by_sweep(own)[: demand.in_a_row]
    return (
        _untimely(newest, demand, now)
        or _unfit(sweeps, demand, newest)
        or _broken(sweeps, demand, newest)
        or Proven(tuple(sweep[0].sweep for sweep in sweeps))
    )


def _by_sweep(own: Sequence[Record]) -> list[list[Record]]:
    """The records of each sweep, newest sweep first. A sweep that wrote twice is one sweep."""
    grouped = groupby(sorted(own, key=lambda r: r.sweep), key=lambda r: r.sweep)
    return sorted((list(group) for _, group in grouped), key=lambda group: max(r.time for r in group), reverse=True)


def _untimely(newest: Record, demand: Demand, now: datetime) -> Missing | None:
    age = now - newest.time
    if age < -CLOCK_SKEW:
        return Missing(f"its newest record is {_seconds(-age)} s in the future: compare the clocks", newest)
    if age > demand.record_age:
        return Missing(
            f"its newest record is {_seconds(age)} s old, at most {_seconds(demand.record_age)} s count", newest
        )
    return None


def _unfit(sweeps: Sequence[Sequence[Record]], demand: Demand, newest: Record) -> Missing | None:
    for record in (record for sweep in sweeps for record in sweep):
        if record.verdict != "healthy":
            return Missing(f"{record.verdict}: {record.reason}", newest)
        if record.commit != demand.commit:
            return Missing(f"it runs commit {record.commit or 'unknown'}, not {demand.commit}", newest)
    return None


def _broken(sweeps: Sequence[Sequence[Record]], demand: Demand, newest: Record) -> Missing | None:
    if len(sweeps) < demand.in_a_row:
        return Missing(f"{len(sweeps)} of {demand.in_a_row} healthy records in a row", newest)
    for later, earlier in pairwise(sweeps):
        gap = max(r.time for r in later) - max(r.time for r in earlier)
        if gap > demand.record_age:
            return Missing(f"{_seconds(gap)} s without a record, at most {_seconds(demand.record_age)} s count", newest)
    return None


def _seconds(length: timedelta) -> int:
    return round(length.total_seconds())
