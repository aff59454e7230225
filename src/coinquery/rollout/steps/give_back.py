"""Give the name back: the records as they stood before the switch, in one atomic batch a zone (I8, I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import RecordMoved
from coinquery.rollout import movers
from coinquery.rollout.moving import moving
from coinquery.rollout.proof import require
from coinquery.rollout.record_move import RecordMove
from coinquery.rollout.way_back import is_good
from coinquery.stacks.notes import GIVING_BACK, of_id

if TYPE_CHECKING:
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means
    from coinquery.rollout.step import Observation
    from coinquery.rollout.way_back import GoingBack


class GiveBack:
    """Holds when the records lead where they led before and all of Amazon's name servers have it."""

    title = "give the name back"

    def __init__(self, going: GoingBack, means: Means, proof: Proof) -> None:
        self._going = going
        self._means = means
        self._proof = proof
        self._move = RecordMove(means.names, going.notes, "back")
        self.limit = means.config.waits.dns_sync

    def intent(self) -> str:
        """What the plan shows."""
        return f"from {self._going.source} to {self._going.destination.name}"

    def observe(self) -> Observation:
        """Where the records lead."""
        return self._move.observe(self._going.back.standing)

    def act(self) -> None:
        """Mark the rollout as given back, so that its deploy does not take the name again; then move the records."""
        require(self._proof)
        means, going = self._means, self._going
        notes, destination = going.notes, going.destination
        theirs = of_id(means.store, destination.rollout)
        with movers.named(means, going.source), moving(means, theirs, destination.name) as renew:

            def before() -> None:
                require(self._proof)
                renew()

            renew()
            self._refuse_taken()
            notes.mark(GIVING_BACK, means.clock.now(), means.journal.who)
            self._move.make(going.standing, going.back.standing, f"{notes.id} given back", before)

    def _refuse_taken(self) -> None:
        """Nothing is given back, nor noted so, that others took since the plan was made."""
        names, going = self._means.names, self._going
        if not is_good(going.standing, names.read(), going.back.standing):
            raise RecordMoved(
                f"{names.public.name} was moved by others since this way back was planned",
                f"Nothing was changed. Look at it with `cq dns show {going.source.coin_argument}`, then run the same "
                "command again.",
            )
