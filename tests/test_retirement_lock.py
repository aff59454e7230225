"""The locks of retirements that look at the same stack at the same time (I6)."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from coinquery.errors import AwsUnreachable, RolloutEnded, StackInUse
from coinquery.naming import StackName
from coinquery.retirement.lock import Lock
from coinquery.rollout.moving import moving, refuse_retired
from coinquery.stacks import locks
from coinquery.stacks.notes import MOVING, RETIRED, RETIRING, Key, Notes
from coinquery.stacks.parameter_store import ParameterStore
from coinquery.stacks.retiring import OLD, is_decided
from tests.worlds import World

pytestmark = pytest.mark.local_aws
REGION = "us-east-1"


class Hands:
    """One stack's notes and a clock that is set by hand."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.time = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def lock(self, who: str) -> Lock:
        means: Any = SimpleNamespace(clock=self, journal=SimpleNamespace(who=who))
        return Lock(self.notes, means)

    def refuse(self, lock: Lock) -> None:
        """Let a rung refuse the retirement that has this lock."""
        self.end(lock, StackInUse("a rung refused", "Wait"))

    def end(self, lock: Lock, error: BaseException) -> None:
        """Let that error end the retirement that has this lock."""
        with pytest.raises(type(error)), lock.lifted_unless_kept():
            raise error

    @property
    def may_move(self) -> bool:
        """Whether a name may come to lead to the stack."""
        try:
            refuse_retired(self.notes, "cq-eth-0001-prod", self.time)
        except RolloutEnded:
            return False
        return True


@pytest.fixture
def hands(world: World) -> Hands:
    store = ParameterStore(world.aws.ssm(REGION))
    return Hands(Notes(store, Key(f"k{uuid.uuid4().hex[:6]}", "prod", REGION, "v1"), 1))


def test_i6_one_that_is_refused_lifts_its_own_lock_and_nobody_elses(hands: Hands) -> None:
    refused, goes_on = hands.lock("ada"), hands.lock("grace")
    refused.take()
    goes_on.take()
    hands.refuse(refused)
    assert not hands.may_move, "the other retirement still looks"
    assert goes_on.keep()
    hands.notes.mark(RETIRED, hands.now(), "grace")
    assert not hands.may_move


@pytest.mark.parametrize("error", [KeyboardInterrupt(), AwsUnreachable("no answer", "Again"), ValueError()])
def test_i6_whatever_ends_a_retirement_that_only_looked_lifts_its_lock(hands: Hands, error: BaseException) -> None:
    lock = hands.lock("ada")
    lock.take()
    hands.end(lock, error)
    assert hands.may_move


def test_i6_not_one_whose_decision_is_kept_though_its_answer_was_lost(hands: Hands) -> None:
    lock = hands.lock("ada")
    lock.take()
    assert lock.keep()
    hands.end(lock, AwsUnreachable("no answer", "Again"))
    assert not hands.may_move
    assert is_decided(hands.notes)


def test_i6_the_lock_of_a_process_that_died_is_given_up_when_it_is_old(hands: Hands) -> None:
    hands.lock("ada").take()
    hands.time += OLD
    assert not hands.may_move, "not a moment too early"
    hands.time += timedelta(seconds=1)
    assert hands.may_move


def test_i6_who_slept_so_long_that_the_lock_was_given_up_looks_again(hands: Hands) -> None:
    asleep = hands.lock("ada")
    asleep.take()
    hands.time += OLD + timedelta(hours=1)
    assert hands.may_move
    assert not asleep.keep(), "a name may have moved to the stack since it looked"
    asleep.take()
    assert not hands.may_move
    assert asleep.keep()


def test_i6_a_lock_that_was_kept_is_never_given_up(hands: Hands) -> None:
    """Killed between its decision and the note that says so: the stack goes, and no name moves to it."""
    killed = hands.lock("ada")
    killed.take()
    assert killed.keep()
    hands.time += OLD + timedelta(hours=1)
    assert not hands.may_move
    assert len(locks.standing(hands.notes, RETIRING)) == 1


def test_i6_a_move_that_is_refused_leaves_the_lock_of_another_whose_batch_is_on_its_way(hands: Hands) -> None:
    """A retirement came between the two: it must not find the stack free."""
    means: Any = SimpleNamespace(clock=hands, journal=SimpleNamespace(who="grace"))
    first = locks.take(hands.notes, MOVING, hands.now(), "ada")
    hands.lock("alan").take()
    with pytest.raises(RolloutEnded), moving(means, hands.notes, StackName("eth", 1, "prod")) as renew:
        renew()
    assert list(locks.standing(hands.notes, MOVING)) == [first]


def test_i6_a_lock_that_is_renewed_stands_at_every_moment(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one is there before the old one goes, and all are gone when the move is over."""
    means: Any = SimpleNamespace(clock=hands, journal=SimpleNamespace(who="grace"))
    stood, unmark = [], hands.notes.unmark

    def watched(lock: str) -> None:
        unmark(lock)
        stood.append(len(locks.standing(hands.notes, MOVING)))

    monkeypatch.setattr(hands.notes, "unmark", watched)
    with moving(means, hands.notes, StackName("eth", 1, "prod")) as renew:
        for _ in range(3):
            renew()
    assert stood == [1, 1, 0]


def test_i6_of_who_goes_on_and_who_gives_up_one_decides(hands: Hands) -> None:
    """A process wakes at the moment at which its lock is given up, many times over."""
    for _ in range(20):
        asleep = hands.lock("ada")
        asleep.take()
        hands.time += OLD + timedelta(seconds=1)
        with ThreadPoolExecutor(2) as pool:
            keeps, moves = pool.submit(asleep.keep), pool.submit(lambda: hands.may_move)
        assert keeps.result() is not moves.result()
        for lock in locks.standing(hands.notes, RETIRING):
            hands.notes.unmark(lock)
