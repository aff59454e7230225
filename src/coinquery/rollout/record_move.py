"""One move of a coin's records, which any number of processes may drive and follow until all name servers have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.dns.zone import same
from coinquery.rollout.step import Observation, holds, missing, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.dns.names import Names, Record, Standing
    from coinquery.stacks.notes import Notes


class RecordMove:
    """``label`` tells the moves of one rollout apart: ``change`` to its stack, ``back`` away from it.

    The id of each zone's change is kept, so that a process that carries on can follow it to INSYNC. A record that was
    taken away can't be followed by a change of its own: if its id was lost, that it is gone must do.
    """

    def __init__(self, names: Names, notes: Notes, label: str) -> None:
        self._names = names
        self._notes = notes
        self._label = label

    def observe(self, target: Standing) -> Observation:
        """Where the records lead, and whether the change has arrived everywhere."""
        standing = self._names.read()
        for record in self._names.records():
            if not same(standing.of(record.kind), target.of(record.kind)):
                return missing(f"{record.name} leads elsewhere")
            change = self._notes.get(self._note(record))
            if change is None and target.of(record.kind) is None:
                continue
            if change is None:
                return missing(f"{record.name} leads there, and no change of it is known")
            if not record.zone.is_in_sync(change):
                return waiting(f"Amazon's name servers do not all have {record.name} yet")
        return holds(" and ".join(record.name for record in self._names.records()) + " in step everywhere")

    def make(self, old: Standing, target: Standing, comment: str, before: Callable[[], None]) -> None:
        """Move what is not there yet from exactly ``old`` to ``target``; keep the ids of the changes.

        ``before`` is called right before each batch.
        """
        changes = self._names.move(old, target, comment, before)
        for record in self._names.records():
            change = changes.get(record.kind) or self._touch(record, comment)
            if change:
                self._notes.settle(self._note(record), change)

    def _touch(self, record: Record, comment: str) -> str:
        """Replace a record by itself, to get a change that can be followed; ``""`` where there is none any more."""
        alias = record.zone.read(record.name)
        return "" if alias is None else record.zone.swap(record.name, alias, alias, "follow " + comment)

    def _note(self, record: Record) -> str:
        return f"{self._label}-{record.kind}"
