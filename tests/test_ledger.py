"""Numbers are given out once, forever (I2); rollouts are joined or begun (I11), on the local AWS's SSM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

import click
import pytest

from coinquery import cli, naming
from coinquery.clock import SystemClock
from coinquery.durations import Duration
from coinquery.errors import CoinQueryError, LinesRejected, NotFinished, NotPermitted, NumbersExhausted, RolloutEnded
from coinquery.naming import StackName
from coinquery.rollout import identity
from coinquery.rollout.deploy import carry_out
from coinquery.rollout.plan import Plan
from coinquery.rollout.run import Run
from coinquery.rollout.step import Outcome
from coinquery.rollout.steps.reserve import ReserveStackName, chosen
from coinquery.stacks import locks
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.journal import Journal
from coinquery.stacks.ledger import Entry, Ledger
from coinquery.stacks.notes import GIVING_BACK, LIVE, MOVING, RETIRED, RETIRING, SWITCHED, Key, Notes, of_id
from coinquery.stacks.parameter_store import ParameterStore
from tests.test_rollout_run import Failing, HandClock, Silent
from tests.worlds import World

REGION = "us-east-1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TICKERS = (f"lg{number}" for number in count(1))


def _entry(rollout: str) -> Entry:
    return Entry(rollout=rollout, region=REGION, release="v1", commit="0" * 40, author="a", reserved="now")


@pytest.fixture
def store(world: World) -> ParameterStore:
    return ParameterStore(world.aws.ssm(REGION))


@pytest.fixture
def coin() -> str:
    return next(_TICKERS)


def _take(ledger: Ledger, coin: str, rollout: str) -> int:
    while True:
        number = ledger.next_number(coin, "prod")
        if ledger.reserve(StackName(coin, number, "prod"), _entry(rollout)):
            return number


def test_i2_ten_at_once_get_ten_numbers(store: ParameterStore, coin: str) -> None:
    ledger = Ledger(store)
    with ThreadPoolExecutor(10) as pool:
        numbers = list(pool.map(lambda rollout: _take(ledger, coin, str(rollout)), range(10)))
    assert sorted(numbers) == list(range(1, 11))
    assert len(ledger.entries(f"/coinquery/stacks/{coin}")) == 10


def test_i2_a_repeated_reservation_is_the_same_rollouts_and_nobody_elses(store: ParameterStore, coin: str) -> None:
    ledger, name = Ledger(store), StackName(coin, 1, "prod")
    assert ledger.reserve(name, _entry("mine"))
    assert ledger.reserve(name, _entry("mine")), "as after a lost reply"
    assert not ledger.reserve(name, _entry("other"))


class _Killed(ParameterStore):
    """A store whose process is killed after a parameter was created and before the answer is back."""

    def create(self, name: str, value: str) -> bool:
        super().create(name, value)
        raise KeyboardInterrupt


def test_i11_a_run_that_was_killed_left_no_number_without_its_hint(
    world: World, store: ParameterStore, coin: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        Ledger(_Killed(world.aws.ssm(REGION))).reserve(StackName(coin, 1, "prod"), _entry("mine"))
    assert store.get(f"/coinquery/latest/{coin}/prod") == "1"


@pytest.mark.parametrize("hint", ["0", "2", "9"])
def test_i2_a_wrong_hint_gives_no_number_twice(store: ParameterStore, coin: str, hint: str) -> None:
    ledger = Ledger(store)
    for rollout in ("a", "b", "c"):
        _take(ledger, coin, rollout)
    store.note(f"/coinquery/latest/{coin}/prod", hint)
    assert _take(ledger, coin, "d") > 3


def test_i2_a_number_that_a_rollout_lost_is_not_said_to_be_its_own(store: ParameterStore, coin: str) -> None:
    ledger, notes = Ledger(store), Notes(store, Key(coin, "prod", REGION, "v1"), 1)
    assert chosen(notes, ledger) is None
    notes.settle("proposal-1", "1")
    assert chosen(notes, ledger) == (StackName(coin, 1, "prod"), None), "proposed, and nobody has it"
    ledger.reserve(StackName(coin, 1, "prod"), _entry("another"))
    assert chosen(notes, ledger) is None
    notes.settle("proposal-2", "2")
    ledger.reserve(StackName(coin, 2, "prod"), _entry(notes.id))
    assert chosen(notes, ledger) == (StackName(coin, 2, "prod"), _entry(notes.id))


class _Raced(Ledger):
    """Right after somebody looks whether a number is free, another takes it."""

    def entry(self, name: StackName) -> Entry | None:
        found = super().entry(name)
        if found is None and name.number == 1:
            self.reserve(name, _entry("another"))
        return found


def _reservation(store: ParameterStore, coin: str, ledger: Ledger, number: int | None = None) -> ReserveStackName:
    rollout: Any = SimpleNamespace(
        notes=Notes(store, Key(coin, "prod", REGION, "v1"), 1), name=None, coin=SimpleNamespace(ticker=coin),
        level_name="prod", region=REGION, release=SimpleNamespace(tag="v1", commit="0" * 40, author="a"),
    )  # fmt: skip
    return ReserveStackName(rollout, ledger, SystemClock(), "me", number)


@pytest.mark.parametrize("number", [None, 8])
def test_i2_a_number_that_another_takes_after_a_look_is_nobody_elses(
    store: ParameterStore, coin: str, number: int | None
) -> None:
    step = _reservation(store, coin, _Raced(store), number)
    Notes(store, Key(coin, "prod", REGION, "v1"), 1).settle("proposal-1", "1")
    assert step.observe().outcome is Outcome.MISSING
    assert step.observe().outcome is Outcome.MISSING
    step.act()
    assert step.observe().detail == f"cq-{coin}-{number or 2:04}-prod"


def test_i2_levels_and_coins_count_apart(store: ParameterStore, coin: str) -> None:
    ledger = Ledger(store)
    assert _take(ledger, coin, "a") == 1
    assert ledger.next_number(coin, "stage") == 1
    assert ledger.next_number(coin + "x", "prod") == 1


def test_i2_after_9999_come_those_that_were_never_given(
    store: ParameterStore, coin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(store)
    assert ledger.reserve(StackName(coin, 1, "prod"), _entry("first"))
    assert ledger.reserve(StackName(coin, naming.LAST_NUMBER, "prod"), _entry("last"))
    assert ledger.next_number(coin, "prod") == 2, "a number that somebody chose stops nobody"
    monkeypatch.setattr(naming, "LAST_NUMBER", 2)
    assert [_take(ledger, coin + "x", rollout) for rollout in ("a", "b")] == [1, 2]
    with pytest.raises(NumbersExhausted, match="all 2 numbers"):
        ledger.next_number(coin + "x", "prod")


def test_i11_the_same_command_joins_the_unfinished_rollout(store: ParameterStore, coin: str) -> None:
    key = Key(coin, "prod", REGION, "v1.2.0")
    first = identity.joined(store, key)
    assert first.begin(NOW)
    assert identity.joined(store, key).id == first.id == f"{coin}/prod/{REGION}/v1.2.0/1"
    first.mark(LIVE, NOW, "me")
    assert identity.joined(store, key).id == first.id, "one that went live is joined too: nothing is left to do"
    assert identity.joined(store, Key(coin, "prod", REGION, "v1.2")).attempt == 1, "a key that begins alike is another"


@pytest.mark.parametrize("had_it", [GIVING_BACK, SWITCHED, LIVE])
def test_i11_a_release_that_lost_the_name_is_not_deployed_again_by_a_repetition(
    store: ParameterStore, coin: str, had_it: str
) -> None:
    """Given back, or superseded, and its stack retired: a machine's old command brings it back to nobody."""
    notes = identity.joined(store, Key(coin, "prod", REGION, "v1"))
    notes.begin(NOW)
    notes.mark(had_it, NOW, "who moved it")
    notes.mark(RETIRED, NOW, "an operator")
    with pytest.raises(RolloutEnded, match=r"given back at .* who moved it|retired at .* an operator") as refused:
        identity.joined(store, notes.key)
    assert "--new" in refused.value.remedy


def test_i11_a_stack_that_never_had_the_name_makes_place_when_it_is_retired(store: ParameterStore, coin: str) -> None:
    notes = identity.joined(store, Key(coin, "prod", REGION, "v1"))
    notes.begin(NOW)
    notes.mark(RETIRED, NOW, "an operator")
    assert identity.joined(store, notes.key).attempt == 2


@pytest.mark.parametrize(("stop", "again"), [(KeyboardInterrupt(), "cq deploy eth --new"),
                                             (identity.NewRolloutStopped(), "cq deploy eth")])  # fmt: skip
def test_i11_ctrl_c_names_the_command_that_carries_on(
    stop: BaseException, again: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a rollout with --new is begun, the command without it would mean another one."""

    def stopped(*_: object, **__: object) -> None:
        raise click.Abort from stop

    monkeypatch.setattr(cli.cq, "main", stopped)
    assert cli.run(["deploy", "eth", "--new"]) == 4
    assert capsys.readouterr().err.strip().endswith(f"Carry on with: {again}")


def _stopped(world: World, coin: str, stop: BaseException, *, new: bool) -> None:
    """Carry out a rollout whose first step raises ``stop``; raises what that becomes."""
    notes = Notes(ParameterStore(world.aws.ssm(REGION)), Key(coin, "prod", REGION, "v1"), 1)
    means: Any = SimpleNamespace(clock=HandClock())
    rollout: Any = SimpleNamespace(notes=notes)
    journal = Journal(world.aws.logs(REGION), SystemClock(), "a test")
    plan = Plan(rollout, (Failing([], errors=[stop]),), Chapter(journal, lambda: coin, lambda: notes.id, ""))
    carry_out(plan, means, Run(HandClock(), Silent(), Duration(5)), new=new)


STOPPED = [
    (NotFinished("not finished", "Run the same command again."), "Run the same command without --new again."),
    (LinesRejected("dropped", "Set the clock and run the same command again."),
     "Set the clock and run the same command without --new again."),
    (NotPermitted("not permitted", "Allow it."), "Allow it. Then carry on without --new."),
]  # fmt: skip


@pytest.mark.parametrize(("error", "remedy"), STOPPED, ids=lambda each: type(each).__name__)
def test_i11_a_new_rollout_that_stops_is_carried_on_without_new(
    world: World, coin: str, error: CoinQueryError, remedy: str
) -> None:
    with pytest.raises(type(error)) as told:
        _stopped(world, coin, error, new=True)
    assert (type(told.value), told.value.what, told.value.remedy) == (type(error), error.what, remedy)
    with pytest.raises(type(error)) as told:
        _stopped(world, coin, error, new=False)
    assert told.value is error, "as it is where nothing new was begun"


def test_i11_ctrl_c_in_a_new_rollout_says_that_it_was_begun(world: World, store: ParameterStore, coin: str) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped:
        _stopped(world, coin, KeyboardInterrupt(), new=True)
    assert type(stopped.value) is identity.NewRolloutStopped
    joined = identity.joined(store, Key(coin, "prod", REGION, "v1"))
    assert not joined.begin(NOW), "the command without --new means the one that was begun"
    with pytest.raises(KeyboardInterrupt) as stopped:
        _stopped(world, coin, KeyboardInterrupt(), new=False)
    assert type(stopped.value) is KeyboardInterrupt


def test_i2_each_new_is_a_rollout_of_its_own(store: ParameterStore, coin: str) -> None:
    planned = identity.another(store, Key(coin, "prod", REGION, "v1"))
    with ThreadPoolExecutor(10) as pool:
        begun = list(pool.map(lambda _: identity.claim(planned, NOW).attempt, range(10)))
    assert sorted(begun) == list(range(1, 11))


def test_i6_each_process_has_a_lock_of_its_own_whose_name_is_used_once(store: ParameterStore, coin: str) -> None:
    notes = Notes(store, Key(coin, "prod", REGION, "v1"), 1)
    with ThreadPoolExecutor(10) as pool:
        taken = list(pool.map(lambda _: locks.take(notes, MOVING, NOW, "one of ten"), range(20)))
        assert set(taken) == locks.standing(notes, MOVING).keys()
        assert len(set(taken)) == 20
        list(pool.map(notes.unmark, taken[1:]))
    assert list(locks.standing(notes, MOVING)) == taken[:1]
    assert not locks.standing(notes, RETIRING)


def test_a_note_is_kept_as_the_first_wrote_it(store: ParameterStore, coin: str) -> None:
    notes = Notes(store, Key(coin, "prod", REGION, "v1"), 1)
    assert notes.settle("way-back", "first") == "first"
    assert notes.settle("way-back", "second") == "first"
    assert of_id(store, notes.id).get("way-back") == "first"
    mark = notes.mark(LIVE, NOW, "one")
    assert notes.mark(LIVE, datetime.now(UTC), "two") == mark == notes.marked(LIVE)
