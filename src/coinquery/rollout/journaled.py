"""A step whose change the journal tells of: before it, and at its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coinquery.rollout.around import Around
from coinquery.rollout.step import Outcome
from coinquery.stacks.journal import DONE, FAILED

if TYPE_CHECKING:
    from coinquery.rollout.step import Observation, Step
    from coinquery.stacks.chapter import Chapter


class Journaled(Around):
    """The step itself, and its lines in a chapter of the journal.

    A change begins when the step acts; it ends when its result holds, or when the run stops there. If the first line
    can't be written the step does not act; if the last one can't, that is a warning.
    """

    def __init__(self, step: Step, chapter: Chapter) -> None:
        super().__init__(step)
        self._chapter = chapter
        self._seen = ""

    def observe(self) -> Observation:
        """What the step sees, and a line if that is an end, or if another run began it."""
        seen = super().observe()
        self._seen = seen.detail
        if seen.outcome is not Outcome.HOLDS:
            self._chapter.reach(self.title)
            return seen
        lacking = self._chapter.hold(self.title, seen.warning or seen.detail, FAILED if seen.warning else DONE)
        return replace(seen, warning="; ".join(filter(None, (seen.warning, lacking)))) if lacking else seen

    def act(self) -> None:
        """Say that the change begins, then make it."""
        self._chapter.begin(self.title, f"{self.intent()}; {self._seen}")
        super().act()

    def stopped(self, error: BaseException) -> None:
        """Say why the run stopped here, if a change was begun."""
        self._chapter.stop(self.title, error)
