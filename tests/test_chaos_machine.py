"""A small part of the chaos run's state machine: a few steps hold what must hold, and planted bugs are seen."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from tests.chaos.driver import drive
from tests.chaos.ends import Ends
from tests.chaos.ground import ground, playing
from tests.chaos.mutants import MUTANTS, Mutant, is_caught, planted, played
from tests.chaos.play import Ended
from tests.teams import Team

#: Bugs that are seen at the first deploy.
SOON = [mutant for mutant in MUTANTS if mutant.scene == "life" and mutant.invariant in ("I5", "I10")][::2]


@pytest.fixture(scope="module")
def light() -> Iterator[Team]:
    """A team in a light world of its own."""
    with ground() as team:
        yield team


def test_what_must_hold_holds_after_every_step(light: Team) -> None:
    """I1 to I15, as far as a few steps reach."""
    with playing(light) as world:
        assert list(drive(world, steps=30, first=2)) == []


@pytest.mark.parametrize(
    ("words", "said", "is_right"),
    [
        ("retire cq-k001-1-prod", "cq: 'cq-k001-1-prod' is not a stack name", True),
        ("retire cq-k001-0001-prod", "cq: 'cq-k001-0001-prod' is not a stack name", False),
        ("status cq-k001-0002-prod", "cq: there is no stack cq-k001-0002-prod", True),
        ("status cq-k001-0001-prod", "cq: there is no stack cq-k001-0001-prod", False),
        ("monitor silence cq-k001-0001-stage", "cq: is not production: no alert is ever raised of it", True),
        ("monitor silence cq-k001-0001-prod", "cq: is not production: no alert is ever raised of it", False),
        ("deploy k001", "cq: no function coinquery-monitor in us-east-1: the monitor is off", False),
        ("deploy k001", "cq: AWS does not permit ssm:PutParameter", False),
        ("deploy k001", "Error: No such option '--now'", False),
        ("status cq-k001-0002-prod", "there is no stack cq-k001-0002-prod", False),
    ],
)
def test_i12_who_is_told_of_wrong_use_used_it_wrongly(words: str, said: str, is_right: bool) -> None:
    """Where one stack stands and all works."""
    play, model, wire = MagicMock(secret="s/ecret"), MagicMock(problems=[]), MagicMock()
    play.monitor.state = "on"
    model.eyes.look().stacks = {"cq-k001-0001-prod": None}
    Ends(play, model).judge(Ended(tuple(words.split()), 2, "", said, wire))
    assert (not model.problems) is is_right


def test_i12_a_monitor_that_is_off_is_told_of() -> None:
    play, model, wire = MagicMock(secret="s/ecret"), MagicMock(problems=[]), MagicMock()
    play.monitor.state = "off"
    Ends(play, model).judge(Ended(("deploy", "k001"), 2, "", "cq: no function: the monitor is off", wire))
    assert model.problems == []


@pytest.mark.parametrize("mutant", SOON, ids=lambda mutant: mutant.what)
def test_a_planted_bug_is_seen(light: Team, mutant: Mutant) -> None:
    said = played(light, 500 + 20 * SOON.index(mutant), mutant.scene, mutant)
    assert is_caught(mutant, said), said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant} {mutant.what}")
def test_every_bug_can_be_planted(mutant: Mutant) -> None:
    """The text that it changes is there, once."""
    with planted(mutant):
        pass
