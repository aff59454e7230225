"""A small part of the chaos run's state machine: a few steps hold what must hold, and planted bugs are seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.driver import drive
from tests.chaos.ground import ground, playing
from tests.chaos.mutants import MUTANTS, Mutant, is_caught, planted, played
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
        assert list(drive(world, steps=60, first=2)) == []


@pytest.mark.parametrize("mutant", SOON, ids=lambda mutant: mutant.what)
def test_a_planted_bug_is_seen(light: Team, mutant: Mutant) -> None:
    said = played(light, 500 + 20 * SOON.index(mutant), mutant.scene, mutant)
    assert is_caught(mutant, said), said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant} {mutant.what}")
def test_every_bug_can_be_planted(mutant: Mutant) -> None:
    """The text that it changes is there, once."""
    with planted(mutant):
        pass
