"""Reserve the stack name: the next number of (coin, level), never used before, in any region (I2)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from coinquery import stored
from coinquery.durations import Duration
from coinquery.errors import NumberTaken
from coinquery.naming import StackName
from coinquery.rollout.step import Observation, holds, missing
from coinquery.stacks.ledger import Entry

if TYPE_CHECKING:
    from coinquery.clock import Clock
    from coinquery.rollout.rollout import Rollout
    from coinquery.stacks.ledger import Ledger
    from coinquery.stacks.notes import Notes


class ReserveStackName:
    """Processes that drive the same rollout agree on one number.

    They walk one sequence of create-once proposals: the first to write proposal k decides which number is tried as
    the k-th, and the ledger decides whether the rollout gets it.
    """

    title = "reserve the stack name"
    limit = Duration(120)

    def __init__(self, rollout: Rollout, ledger: Ledger, clock: Clock, by: str, number: int | None = None) -> None:
        self._rollout = rollout
        self._ledger = ledger
        self._clock = clock
        self._by = by
        self._number = number

    def intent(self) -> str:
        """What the plan shows: the name if it is reserved, else the likely one."""
        if (name := self._standing()) is not None:
            return f"{name}, reserved"
        return f"{self._name(self._wanted())}, or the next free number"

    def observe(self) -> Observation:
        """Whether the rollout has its number."""
        if self._rollout.name is None:
            self._rollout.name = self._standing()
        name = self._rollout.name
        return missing("no number yet") if name is None else holds(str(name))

    def act(self) -> None:
        """Propose numbers until the ledger gives one to this rollout."""
        notes = self._rollout.notes
        notes.begin(self._clock.now())
        for turn in count(1):
            name = self._name(self._proposed(turn))
            if self._ledger.reserve(name, self._entry()):
                self._rollout.name = name
                return
            if name.number == self._number:
                raise taken(name, self._ledger.entry(name))

    def _standing(self) -> StackName | None:
        found = chosen(self._rollout.notes, self._ledger)
        return None if found is None or found[1] is None else found[0]

    def _proposed(self, turn: int) -> int:
        notes, proposal = self._rollout.notes, _proposal(turn)
        number = notes.number(proposal)
        if number is not None:
            return number
        return stored.whole(notes.settle(proposal, str(self._wanted())), f"parameter {notes.path(proposal)}")

    def _wanted(self) -> int:
        return self._number or self._ledger.next_number(self._rollout.coin.ticker, self._rollout.level_name)

    def _name(self, number: int) -> StackName:
        return StackName(self._rollout.coin.ticker, number, self._rollout.level_name)

    def _entry(self) -> Entry:
        return Entry(
            rollout=self._rollout.notes.id,
            region=self._rollout.region,
            release=self._rollout.release.tag,
            commit=self._rollout.release.commit,
            author=self._rollout.release.author,
            reserved=self._clock.now().isoformat(timespec="seconds"),
            by=self._by,
        )


def chosen(notes: Notes, ledger: Ledger) -> tuple[StackName, Entry | None] | None:
    """The name that a rollout has, with its entry, or that it proposed and nobody has; None where it has neither."""
    for turn in count(1):
        number = notes.number(_proposal(turn))
        if number is None:
            return None
        name = StackName(notes.key.coin, number, notes.key.level)
        entry = ledger.entry(name)
        if entry is None or entry.rollout == notes.id:
            return name, entry
    return None


def taken(name: StackName, entry: Entry | None) -> NumberTaken:
    """The refusal of a number that the ledger gave to another rollout."""
    to, on = ("of another", "a day unknown") if entry is None else (entry.rollout, entry.reserved)
    return NumberTaken(
        f"{name} was given to rollout {to} on {on}",
        "A number is never given twice. Leave --number away for the next free one.",
    )


def _proposal(turn: int) -> str:
    return f"proposal-{turn}"
