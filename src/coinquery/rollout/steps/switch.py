"""Switch the DNS: public and private record, one atomic batch a zone, the way back stored first (I7-I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import RolloutEnded
from coinquery.rollout import way_back
from coinquery.rollout.identity import refuse_retired
from coinquery.rollout.proof import require
from coinquery.rollout.record_move import RecordMove
from coinquery.rollout.step import Outcome, missing
from coinquery.stacks.notes import GIVING_BACK, LIVE, SWITCHED

if TYPE_CHECKING:
    from coinquery.dns.names import Standing
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means, Rollout
    from coinquery.rollout.step import Observation


class SwitchDns:
    """Holds when every record leads to the stack and all of Amazon's name servers have it."""

    title = "switch the DNS"

    def __init__(self, rollout: Rollout, means: Means, proof: Proof) -> None:
        self._rollout = rollout
        self._means = means
        self._names = means.names
        self._proof = proof
        self.limit = means.config.waits.dns_sync

    def intent(self) -> str:
        """What the plan shows."""
        return self._names.read().describe(self._names)

    def observe(self) -> Observation:
        """Where the records lead."""
        seen = self._move().observe(self._target())
        if seen.outcome is Outcome.HOLDS and self._rollout.notes.marked(SWITCHED) is None:
            return missing("the records lead here, and the move is not noted")
        return seen

    def act(self) -> None:
        """Store the way back, then move what does not lead here yet."""
        notes, stack, means = self._rollout.notes, self._rollout.created, self._means
        self._refuse_ended()
        require(self._proof)
        back = way_back.store(means, notes, self._names.read(), self._target())
        refuse_retired(notes, stack.name)
        means.journal.write(stack.name, self.title, "begins", notes.id, f"from {back.stack or 'no stack'}")
        self._move().make(back.standing, self._target(), f"{notes.id} to {stack.name}")
        notes.mark(SWITCHED, means.clock.now(), means.journal.who)
        means.journal.write(stack.name, self.title, "done", notes.id)

    def _refuse_ended(self) -> None:
        for mark in (GIVING_BACK, LIVE):
            end = self._rollout.notes.marked(mark)
            if end is not None:
                raise RolloutEnded(
                    f"rollout {self._rollout.notes.id} ended: {mark} at {end.time} by {end.who}, and the name moved on",
                    "Look at it with: cq dns show. Start another rollout of this release with --new.",
                )

    def _move(self) -> RecordMove:
        return RecordMove(self._names, self._rollout.notes, "change")

    def _target(self) -> Standing:
        return self._names.target(self._rollout.created.outputs)
