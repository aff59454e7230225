"""What the controller is built from: programs that are kept running, and checks that are asked again and again."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coinquery.local.checks import Check, Checker, by_command, over_http
from coinquery.local.programs import Program, Programs
from coinquery.local.state import State
from tests.coin_stacks import processes, until


def sleeper(name: str) -> Program:
    return Program(name, ("/bin/sleep", "1000"))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    yield State(tmp_path)
    Programs(State(tmp_path)).end_all()


def test_programs_are_started_restarted_and_ended_as_wanted(state: State) -> None:
    programs = Programs(state)
    programs.keep({"a/x": sleeper("a/x"), "b/x": sleeper("b/x")})
    assert len(_sleeping(state)) == 2
    os.kill(_sleeping(state)[0], signal.SIGKILL)

    def restarted() -> bool:
        programs.keep({"a/x": sleeper("a/x"), "b/x": sleeper("b/x")})
        return len(_sleeping(state)) == 2

    assert until(restarted)
    programs.keep({"a/x": sleeper("a/x")})
    assert until(lambda: len(_sleeping(state)) == 1)


def test_a_new_controller_takes_over_what_a_killed_one_left(state: State) -> None:
    wanted = {"a/x": sleeper("a/x")}
    Programs(state).keep(wanted)
    before = _sleeping(state)
    successor = Programs(state)
    successor.keep(wanted)
    assert _sleeping(state) == before
    successor.keep({})
    assert until(lambda: not _sleeping(state))


def test_leftovers_of_a_world_are_ended_and_others_are_left_alone(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "other")
    Programs(state).keep({"a/x": sleeper("a/x")})
    Programs(other).keep({"a/x": sleeper("a/x")})
    Programs(state).end_all()
    assert not _sleeping(state)
    assert len(_sleeping(other)) == 1
    Programs(other).end_all()


def test_a_program_that_ends_at_once_is_started_ever_more_rarely(state: State) -> None:
    programs, program = Programs(state), Program("a/x", (sys.executable, "-c", "print('once')"))
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        programs.keep({"a/x": program})
        time.sleep(0.02)
    assert 2 <= (state.root / "logs/a/x.log").read_text().count("once") <= 4


def _sleeping(state: State) -> list[int]:
    return processes(state, "/bin/sleep")


def _come_to(answers: list[bool], state: str) -> bool:
    """Whether a thing that gives these answers, then no more, is at last in this state."""
    left = iter(answers)
    over = threading.Event()

    def ask() -> bool:
        answer = next(left, None)
        if answer is None:
            over.wait()
        return bool(answer)

    checker = Checker()

    def settled() -> bool:
        checker.watch({"it": Check(ask, interval=0, passes=2, fails=3, after=0)})
        return left.__length_hint__() == 0 and checker.state("it") == state  # type: ignore[attr-defined]

    settled_in_time = until(settled, 30)
    over.set()
    return settled_in_time


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "initial"),
        ([True], "healthy"),
        ([False, False], "initial"),
        ([False, False, False], "unhealthy"),
        ([True, False, False], "healthy"),
        ([True, False, False, True, False, False], "healthy"),
        ([True, False, False, False], "unhealthy"),
        ([False, False, False, True], "unhealthy"),
        ([False, False, False, True, True], "healthy"),
    ],
)
def test_health_changes_after_as_many_answers_in_a_row_as_are_asked_for(answers: list[bool], state: str) -> None:
    assert _come_to(answers, state)


@pytest.mark.parametrize(
    ("question", "passed"),
    [
        (by_command(["true"], {"PATH": os.defpath}, 5), True),
        (by_command(["false"], {"PATH": os.defpath}, 5), False),
        (by_command(["sleep", "5"], {"PATH": os.defpath}, 0.1), False),
        (by_command(["no-such-program"], {"PATH": os.defpath}, 5), False),
        (over_http("127.0.0.1", 1, "/", "200", 1), False),
    ],
)
def test_a_check_that_fails_or_times_out_is_not_passed(question: Callable[[], bool], passed: bool) -> None:
    assert question() is passed
