"""How steps are carried out: observe, act only if something is missing, wait in bounds, by a clock handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.durations import Duration
from coinquery.errors import NotFinished
from coinquery.rollout.run import Run
from coinquery.rollout.step import Observation, Outcome, Step, holds, missing, waiting

LIMIT = Duration(60)


class HandClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Silent:
    def began(self, step: Step, deadline: datetime) -> None: ...
    def saw(self, step: Step, seen: Observation) -> None: ...
    def ended(self, step: Step, seen: Observation, seconds: float) -> None: ...


@dataclass
class Scripted:
    """A step that sees what it is told to see, and then the last of it for ever."""

    script: list[Observation]
    title: str = "a step"
    limit: Duration = LIMIT
    acts: int = 0
    looks: list[Outcome] = field(default_factory=list)

    def intent(self) -> str:
        return ""

    def observe(self) -> Observation:
        seen = self.script[min(len(self.looks), len(self.script) - 1)]
        self.looks.append(seen.outcome)
        return seen

    def act(self) -> None:
        self.acts += 1


def _run(clock: HandClock, stay: Duration | None = None) -> Run:
    return Run(clock, Silent(), Duration(5), stay)


def test_a_result_that_holds_is_not_made_again() -> None:
    step, run = Scripted([holds("there")]), _run(HandClock())
    run.carry_out([step])
    assert step.acts == 0
    assert [(done.step, done.saw) for done in run.done] == [("a step", "there")]


def test_what_is_missing_is_made_once_and_looked_at_again_at_once() -> None:
    clock = HandClock()
    step = Scripted([missing("no"), holds("yes")])
    _run(clock).carry_out([step])
    assert step.acts == 1
    assert clock.time == datetime(2026, 1, 1, tzinfo=UTC), "no time passed"


def test_what_comes_by_itself_is_waited_for_and_never_acted_on() -> None:
    clock = HandClock()
    step = Scripted([waiting("1"), waiting("2"), holds("3")])
    _run(clock).carry_out([step])
    assert step.acts == 0
    assert clock.time == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=10)


def test_i12_a_wait_has_an_end_and_says_which_command_carries_on() -> None:
    clock, later = HandClock(), Scripted([holds("never reached")])
    with pytest.raises(NotFinished, match="a step: still syncing") as stopped:
        _run(clock).carry_out([Scripted([waiting("still syncing")]), later])
    assert "same command again" in stopped.value.remedy
    assert later.looks == []
    assert clock.time - datetime(2026, 1, 1, tzinfo=UTC) == timedelta(seconds=60)


def test_the_stay_bounds_all_steps_together() -> None:
    clock = HandClock()
    steps = [Scripted([waiting("w")] * 3 + [holds("h")]) for _ in range(5)]
    with pytest.raises(NotFinished):
        _run(clock, Duration(40)).carry_out(steps)
    assert clock.time - datetime(2026, 1, 1, tzinfo=UTC) <= timedelta(seconds=45)


@given(st.lists(st.sampled_from([missing("m"), waiting("w")]), max_size=30))
def test_i12_every_script_ends_and_acts_only_on_what_is_missing(script: list[Observation]) -> None:
    """Whatever a step sees, the run ends; acts never outnumber looks at something missing, nor follow each other."""
    clock, step = HandClock(), Scripted([*script, holds("h")])
    try:
        _run(clock).carry_out([step])
    except NotFinished:
        assert clock.time - datetime(2026, 1, 1, tzinfo=UTC) >= timedelta(seconds=60)
    assert step.acts <= step.looks.count(Outcome.MISSING)
    assert len(step.looks) <= 2 * (60 // 5 + 1) + 1
