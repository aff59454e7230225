"""How steps are carried out: observe, act only if something is missing, wait in bounds, by a clock handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from coinquery.cli.progress import TreeProgress, how_far
from coinquery.durations import Duration
from coinquery.errors import NotFinished
from coinquery.rollout.run import UNANSWERED, Run
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
    def stopped(self, stands: Sequence[str], missing: Sequence[str]) -> None: ...


@dataclass
class Told(Silent):
    """Keeps what a run that stops says: what stands and what is missing."""

    told: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def stopped(self, stands: Sequence[str], missing: Sequence[str]) -> None:
        self.told.append((list(stands), list(missing)))


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


@dataclass
class Failing(Scripted):
    """A step whose first looks AWS does not answer: ``errors`` of them, then as its script says."""

    errors: list[BaseException] = field(default_factory=list)

    def observe(self) -> Observation:
        if self.errors:
            raise self.errors.pop(0)
        return super().observe()


def _refusal(error_code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": error_code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeStacks")


PASSING = [EndpointConnectionError(endpoint_url="x"), _refusal("InternalFailure", 500), _refusal("Throttling", 400)]


def test_i12_an_aws_that_is_gone_for_a_moment_is_waited_for() -> None:
    clock, step = HandClock(), Failing([holds("h")], errors=list(PASSING))
    _run(clock).carry_out([step])
    assert clock.time - datetime(2026, 1, 1, tzinfo=UTC) == timedelta(seconds=5 * len(PASSING))


@pytest.mark.parametrize("errors", [[PASSING[0]] * (UNANSWERED + 1), [_refusal("ValidationError", 400)]])
def test_i12_an_aws_that_stays_away_ends_the_run_as_what_does_not_pass_does(errors: list[Exception]) -> None:
    step = Failing([holds("h")], errors=list(errors))
    with pytest.raises(type(errors[0])):
        _run(HandClock()).carry_out([step])
    assert step.errors == []


def test_i12_a_run_that_stops_says_what_stands_and_what_is_missing() -> None:
    steps = [Scripted([holds("h")], "one"), Scripted([waiting("w")], "two"), Scripted([holds("h")], "three")]
    with pytest.raises(NotFinished):
        Run(HandClock(), told := Told(), Duration(5)).carry_out(steps)
    assert told.told == [(["one"], ["two", "three"])]
    assert how_far(*told.told[0]) == "stopped. Stands: one. Missing: two, three."


def test_i12_a_note_between_steps_that_fails_says_what_stands_and_what_is_missing_once() -> None:
    run = Run(HandClock(), told := Told(), Duration(5))
    run.carry_out([Scripted([holds("h")], "one")])
    with pytest.raises(ValueError, match="inner"), run.leading_to("outer"), run.leading_to("inner", "later"):
        raise ValueError("inner")
    assert told.told == [(["one"], ["inner", "later"])]


def test_i12_the_tree_shows_a_note_that_fails_after_a_step_that_holds() -> None:
    tree = TreeProgress(HandClock())
    Run(HandClock(), tree, Duration(5)).carry_out([Scripted([holds("h")], "one")])
    tree.stopped(["one"], ["a note", "later"])
    assert [(line.mark, line.title) for line in tree.lines] == [("✓", "one"), ("✗", "a note"), ("·", "later")]


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
