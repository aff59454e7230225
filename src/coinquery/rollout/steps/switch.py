"""Switch the DNS: public and private record, one atomic batch a zone, the way back stored first (I7-I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import RolloutEnded
from coinquery.rollout import movers, way_back
from coinquery.rollout.moving import moving
from coinquery.rollout.proof import require
from coinquery.rollout.record_move import RecordMove
from coinquery.rollout.step import Outcome, missing
from coinquery.stacks.notes import GIVING_BACK, LIVE, SWITCHED

if TYPE_CHECKING:
    from coinquery.dns.names import Standing
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means, Rollout
    from coinquery.rollout.step import Observation
    from coinquery.rollout.way_back import WayBack


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
        with movers.named(means, stack.name), moving(means, notes, stack.name) as renew:
            back = way_back.store(means, notes, self._names.read(), self._target())
            self._move().make(back.standing, self._target(), f"{notes.id} to {stack.name}", renew)
            self._put_back_if_given_back(back)
        notes.mark(SWITCHED, means.clock.now(), means.journal.who)

    def _put_back_if_given_back(self, back: WayBack) -> None:
        """Who gave the name back while this move was under way may have seen the half of it."""
        if self._rollout.notes.marked(GIVING_BACK) is not None:
            self._names.move(self._target(), back.standing, f"put back: {self._rollout.notes.id} was given back")
            self._refuse_ended()

    def _refuse_ended(self) -> None:
        """Another process of this rollout may have brought it to its end a moment ago: then the records lead here."""
        for mark in (GIVING_BACK, LIVE):
            end = self._rollout.notes.marked(mark)
            if end is not None and not (mark == LIVE and self._names.read() == self._target()):
                raise RolloutEnded(
                    f"rollout {self._rollout.notes.id} ended: {mark} at {end.time} by {end.who}, and the name moved on",
                    "Look at it with: cq dns show. Start another rollout of this release with --new.",
                )

    def _move(self) -> RecordMove:
        return RecordMove(self._names, self._rollout.notes, "change")

    def _target(self) -> Standing:
        return self._names.target(self._rollout.created.outputs)
