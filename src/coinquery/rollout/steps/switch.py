"""Switch the DNS: public and private record, one atomic batch a zone, the way back stored first (I7-I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.dns.record import canonical
from coinquery.dns.zone import same
from coinquery.errors import InstanceNotProven, RolloutEnded
from coinquery.rollout import way_back
from coinquery.rollout.step import Observation, holds, missing, waiting

if TYPE_CHECKING:
    from coinquery.dns.names import Record, Standing
    from coinquery.rollout.proof import Proof
    from coinquery.rollout.rollout import Means, Rollout


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
        standing = self._names.read()
        return "; ".join(
            f"{record.name} from {'nothing' if (now := standing.of(record.kind)) is None else canonical(now.target)}"
            for record in self._names.records()
        )

    def observe(self) -> Observation:
        """Where the records lead, and whether the change has arrived everywhere."""
        standing, target = self._names.read(), self._target()
        for record in self._names.records():
            if not same(standing.of(record.kind), target.of(record.kind)):
                return missing(f"{record.name} leads elsewhere")
            change = self._rollout.notes.get(_note(record))
            if change is None:
                return missing(f"{record.name} leads here, and no change of it is known")
            if not record.zone.is_in_sync(change):
                return waiting(f"Amazon's name servers do not all have {record.name} yet")
        return holds("; ".join(f"{record.name} leads to {self._rollout.reserved}" for record in self._names.records()))

    def act(self) -> None:
        """Store the way back, then move what does not lead here yet."""
        notes, stack = self._rollout.notes, self._rollout.created
        self._refuse_unfit()
        back = way_back.store(self._means, notes, self._names.read())
        self._means.journal.write(stack.name, self.title, "begins", notes.id, f"from {back.stack or 'nothing'}")
        changes = self._names.move(back.standing, self._target(), f"{notes.id} to {stack.name}")
        notes.settle("switched", self._means.clock.now().isoformat())
        for record in self._names.records():
            change = changes.get(record.kind) or self._touch(record)
            notes.settle(_note(record), change)
        self._means.journal.write(stack.name, self.title, "done", notes.id)

    def _refuse_unfit(self) -> None:
        end = self._rollout.notes.ended
        if end is not None:
            raise RolloutEnded(
                f"rollout {self._rollout.notes.id} ended: {end.result} at {end.time} by {end.who}",
                "The name was moved since. Start another rollout with --new.",
            )
        gaps = self._proof.gaps()
        if gaps:
            raise InstanceNotProven(
                "not every instance is proven any more: " + "; ".join(f"{who}: {why}" for who, why in gaps.items()),
                "No record was changed. Run the same command again: it waits for the monitor.",
            )

    def _touch(self, record: Record) -> str:
        """Replace a record that leads here by itself, to get a change that can be followed."""
        alias = record.zone.read(record.name)
        return record.zone.swap(record.name, alias, alias, "follow " + self._rollout.notes.id)

    def _target(self) -> Standing:
        return self._names.target(self._rollout.created.outputs)


def _note(record: Record) -> str:
    return f"change-{record.kind}"
