"""Switch the DNS: public and private record, one atomic batch a zone, the way back stored first (I7-I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import RolloutEnded
from coinquery.rollout import movers
from coinquery.rollout.moving import moving
from coinquery.rollout.proof import require
from coinquery.rollout.record_move import RecordMove
from coinquery.rollout.step import Outcome, missing
from coinquery.rollout.way_back import is_good, store
from coinquery.stacks import inventory, way_back
from coinquery.stacks.notes import GIVING_BACK, LIVE, SWITCHED, of_id

if TYPE_CHECKING:
    from coinquery.dns.names import Standing
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means, Rollout
    from coinquery.rollout.step import Observation
    from coinquery.stacks.way_back import WayBack


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

            def before() -> None:
                self._refuse_ended()
                require(self._proof)
                renew()

            back = store(means, notes, stack.name, self._names.read(), self._target())
            self._move().make(back.standing, self._target(), f"{notes.id} to {stack.name}", before)
            self._put_back_if_given_back(back)
        notes.mark(SWITCHED, means.clock.now(), means.journal.who)

    def _put_back_if_given_back(self, back: WayBack) -> None:
        """Who gave the name back while this move was under way may have seen the half of it.

        The stack before may be retired by now; then the name stays here.
        """
        notes, means = self._rollout.notes, self._means
        if notes.marked(GIVING_BACK) is None:
            return
        before = inventory.survey(means.aws, means.config.regions).find(back.stack) if back.stack else None
        if before is not None:
            with moving(means, of_id(means.store, before.rollout), before.name) as renew:
                self._names.move(self._target(), back.standing, f"put back: {notes.id} was given back", renew)
        self._refuse_ended()

    def _refuse_ended(self) -> None:
        """It had the name and lost it; or another process of it had, while this one slept."""
        notes = self._rollout.notes
        for mark, has_moved_on in ((GIVING_BACK, None), (LIVE, self._leads_elsewhere), (SWITCHED, self._was_moved_on)):
            end = notes.marked(mark)
            if end is not None and (has_moved_on is None or has_moved_on()):
                name = self._rollout.created.name
                moved_on = f", and the name moved on: {movers.newest(self._means, name)}" if has_moved_on else ""
                raise RolloutEnded(
                    f"rollout {notes.id} ended: {mark} at {end.time} by {end.who}{moved_on}",
                    f"Look at it with: cq dns show {name.coin_argument}. "
                    "Start another rollout of this release with --new.",
                )

    def _leads_elsewhere(self) -> bool:
        return not self._names.read().is_same(self._target())

    def _was_moved_on(self) -> bool:
        """Others moved it after this rollout did: neither here, nor back to where it was."""
        standing, target = self._names.read(), self._target()
        if standing.is_same(target):
            return False
        back = way_back.read(self._rollout.notes)
        return back is None or not is_good(back.standing, standing, target)

    def _move(self) -> RecordMove:
        return RecordMove(self._names, self._rollout.notes, "change")

    def _target(self) -> Standing:
        return self._names.target(self._rollout.created)
