"""Carry out a list of steps: observe, act if something is missing, wait, and say so all the while."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from coinquery import aws
from coinquery.durations import lasting
from coinquery.errors import NotFinished
from coinquery.rollout.journaled import Journaled
from coinquery.rollout.step import Observation, Outcome, Step, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from coinquery.clock import Clock
    from coinquery.durations import Duration

#: How many looks in a row may go without an answer of AWS; each of them is repeated by boto3 already.
UNANSWERED = 3


class Progress(Protocol):
    """Where a run tells what it does."""

    def began(self, step: Step, deadline: datetime) -> None:
        """A step begins; it ends by ``deadline`` at the latest."""
        ...

    def saw(self, step: Step, seen: Observation) -> None:
        """A step looked."""
        ...

    def ended(self, step: Step, seen: Observation, seconds: float) -> None:
        """A step's result holds, after that many seconds."""
        ...

    def stopped(self, stands: Sequence[str], missing: Sequence[str]) -> None:
        """The run stops at the first of the steps that are missing; those that stand were seen to hold."""
        ...


@dataclass(frozen=True)
class Done:
    """A step whose result holds: what was seen, and after how many seconds; ``warning`` is ``""`` if all went well."""

    step: str
    seconds: float
    saw: str
    warning: str = ""


class Run:
    """Drives steps with a clock. ``stay`` bounds the whole run; past it the same command carries on.

    ``done`` lists the steps that were finished, in order.
    """

    def __init__(self, clock: Clock, progress: Progress, poll: Duration, stay: Duration | None = None) -> None:
        self._clock = clock
        self._progress = progress
        self._poll = poll
        self._unanswered = 0
        self._told = False
        self.done: list[Done] = []
        self._leave = None if stay is None else clock.now() + timedelta(seconds=stay.seconds)

    def carry_out(self, steps: Iterable[Step]) -> None:
        """Finish each step before the next.

        Raises NotFinished when a step's time or the stay is over, and whatever a step raises.
        """
        steps = tuple(steps)
        for number, step in enumerate(steps):
            try:
                self._finish(step)
            except (Exception, KeyboardInterrupt) as error:
                self._tell([left.title for left in steps[number:]])
                if isinstance(step, Journaled):
                    step.stopped(error)
                raise

    @contextmanager
    def leading_to(self, *missing: str) -> Iterator[None]:
        """What is noted between steps: if that fails, the run says how far it came, and that ``missing`` is missing."""
        try:
            yield
        except (Exception, KeyboardInterrupt):
            self._tell(missing)
            raise

    def _tell(self, missing: Sequence[str]) -> None:
        """Tell how far the run came, once: what failed within another thing is told by the inner one."""
        if not self._told:
            self._told = True
            self._progress.stopped(list(dict.fromkeys(done.step for done in self.done)), missing)

    def _finish(self, step: Step) -> None:
        begun = self._clock.now()
        deadline = self._deadline(step, begun)
        self._progress.began(step, deadline)
        just_acted = False
        while (seen := self._look(step)).outcome is not Outcome.HOLDS:
            if self._clock.now() >= deadline:
                raise NotFinished(
                    f"not finished within {lasting((deadline - begun).total_seconds())}: {step.title}: {seen.detail}",
                    "Run the same command again: it carries on from here.",
                )
            if seen.outcome is Outcome.MISSING and not just_acted:
                step.act()
                just_acted = True
                continue
            self._clock.sleep(self._poll.seconds)
            just_acted = False
        seconds = (self._clock.now() - begun).total_seconds()
        self.done.append(Done(step.title, round(seconds, 1), seen.detail, seen.warning))
        self._progress.ended(step, seen, seconds)

    def _look(self, step: Step) -> Observation:
        """What the step sees. To look again harms nothing: an AWS that is gone for a moment is waited for."""
        try:
            seen = step.observe()
            self._unanswered = 0
        except Exception as error:
            self._unanswered += 1
            if self._unanswered > UNANSWERED or not aws.passes(error):
                raise
            seen = waiting(f"AWS gives no answer: {error}")
        self._progress.saw(step, seen)
        return seen

    def _deadline(self, step: Step, begun: datetime) -> datetime:
        limit = begun + timedelta(seconds=step.limit.seconds)
        return limit if self._leave is None else min(limit, self._leave)
