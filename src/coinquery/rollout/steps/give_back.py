"""Give the name back: the records as they stood before the switch, in one atomic batch a zone (I8, I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.rollout.identity import GIVING_BACK
from coinquery.rollout.proof import require
from coinquery.rollout.record_move import RecordMove

if TYPE_CHECKING:
    from coinquery.rollout.identity import Notes
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.step import Observation
    from coinquery.rollout.way_back import WayBack
    from coinquery.stacks.stack import Stack


class GiveBack:
    """Holds when the records lead where they led before and all of Amazon's name servers have it."""

    title = "give the name back"

    def __init__(self, source: Stack, notes: Notes, back: WayBack, means: Means, proof: Proof) -> None:
        self._source = source
        self._notes = notes
        self._back = back
        self._means = means
        self._proof = proof
        self._move = RecordMove(means.names, notes, "back")
        self.limit = means.config.waits.dns_sync

    def intent(self) -> str:
        """What the plan shows."""
        return f"from {self._source.name} to {self._back.stack}"

    def observe(self) -> Observation:
        """Where the records lead."""
        return self._move.observe(self._back.standing)

    def act(self) -> None:
        """Mark the rollout as given back, so that its deploy does not take the name again; then move the records."""
        require(self._proof)
        who, names = self._means.journal.who, self._means.names
        self._means.journal.write(self._source.name, self.title, "begins", self._notes.id, f"to {self._back.stack}")
        self._notes.mark(GIVING_BACK, self._means.clock.now(), who)
        self._move.make(names.target(self._source.outputs), self._back.standing, f"{self._notes.id} given back")
        self._means.journal.write(self._source.name, self.title, "done", self._notes.id, f"to {self._back.stack}")
