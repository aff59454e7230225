"""The rollout's gate refuses every way to cheat it (I7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinquery.clock import CLOCK_SKEW
from coinquery.monitor import records
from coinquery.monitor.gate import Demand, Missing, Proven, proof
from coinquery.monitor.records import Record

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LAUNCHED = NOW - timedelta(hours=2)
STACK, INSTANCE, COMMIT = "cq-eth-0002-prod", "i-0a", "0123456789abcdef0123456789abcdef01234567"
DEMAND = Demand(STACK, COMMIT, timedelta(seconds=180), 3)


def record(age: float, sweep: str, **changes: Any) -> Record:
    """A record that proves, ``age`` seconds old, but for the changes."""
    good = Record(
        time=NOW - timedelta(seconds=age),
        sweep=sweep,
        region="us-east-1",
        stack=STACK,
        coin="eth",
        instance=INSTANCE,
        address="10.64.0.7",
        launched=LAUNCHED,
        verdict="healthy",
        reason="in step",
        expected_commit=COMMIT,
        commit=COMMIT,
        up=1,
    )
    return msgspec.structs.replace(good, **changes)


THREE = [record(130, "s1"), record(70, "s2"), record(10, "s3")]


def judged(given_records: list[Record], now: datetime = NOW) -> Proven | Missing:
    return proof(given_records, {INSTANCE: LAUNCHED}, DEMAND, now)[INSTANCE]


def reason(given_records: list[Record], now: datetime = NOW) -> str:
    outcome = judged(given_records, now)
    assert isinstance(outcome, Missing)
    return outcome.reason


def test_i7_three_fresh_healthy_records_of_three_sweeps_prove() -> None:
    assert judged(THREE) == Proven(("s3", "s2", "s1"))


def test_i7_the_order_in_which_records_come_does_not_matter() -> None:
    assert judged([THREE[1], THREE[2], THREE[0]]) == Proven(("s3", "s2", "s1"))


def test_i7_no_record_proves_nothing() -> None:
    assert "no record of it since its launch" in reason([])


def test_i7_records_older_than_the_instance_do_not_count() -> None:
    reused = [msgspec.structs.replace(r, time=r.time - timedelta(hours=3)) for r in THREE]
    assert "no record of it since its launch" in reason(reused)


def test_i7_records_of_an_earlier_launch_do_not_count() -> None:
    assert "no record" in reason([msgspec.structs.replace(r, launched=LAUNCHED - timedelta(days=1)) for r in THREE])


def test_i7_an_old_answer_proves_nothing() -> None:
    assert "its newest record is 191 s old" in reason(THREE, NOW + timedelta(seconds=181))


def test_i7_a_monitor_that_paused_proves_nothing() -> None:
    assert "181 s without a record" in reason([record(251, "s1"), record(191, "s2"), record(10, "s3")])


def test_i7_records_of_other_instances_do_not_count() -> None:
    assert "no record" in reason([msgspec.structs.replace(r, instance="i-0b") for r in THREE])


def test_i7_records_of_other_stacks_do_not_count() -> None:
    assert "no record" in reason([msgspec.structs.replace(r, stack="cq-eth-0001-prod") for r in THREE])


def test_i3_i7_a_wrong_or_missing_commit_proves_nothing() -> None:
    assert "not 0123456789" in reason([*THREE[:2], record(10, "s3", commit="f" * 40)])
    assert "commit unknown" in reason([*THREE[:2], record(10, "s3", commit=None)])
    assert "not 0123456789" in reason([record(130, "s1", commit="f" * 40), *THREE[1:]])


def test_i7_one_sweep_told_three_times_is_one() -> None:
    assert reason([record(30, "s1"), record(20, "s1"), record(10, "s1")]) == "1 of 3 healthy records in a row"


def test_i7_a_sweep_that_contradicts_itself_is_not_healthy() -> None:
    assert reason([*THREE, record(11, "s3", verdict="lagging", reason="far", up=0)]) == "lagging: far"


def test_i7_a_record_from_the_future_is_refused() -> None:
    ahead = CLOCK_SKEW.total_seconds() + 1
    assert "61 s in the future" in reason([*THREE, record(-ahead, "s4")])
    assert "in the future" in reason([msgspec.structs.replace(r, time=r.time + timedelta(hours=1)) for r in THREE])


def test_i7_a_clock_that_differs_by_seconds_is_borne() -> None:
    assert isinstance(judged(THREE, NOW - timedelta(seconds=40)), Proven)


@pytest.mark.parametrize("verdict", ["unknown", "starting", "lagging", "unreachable", "malformed", "unprotected"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_i13_any_other_verdict_in_between_breaks_the_row(verdict: str, place: int) -> None:
    spoilt = [*THREE]
    spoilt[place] = msgspec.structs.replace(THREE[place], verdict=verdict, reason="why", up=0)
    assert reason(spoilt) == f"{verdict}: why"


def test_i7_what_was_wrong_before_the_row_is_forgiven() -> None:
    assert isinstance(judged([record(190, "s0", verdict="lagging", up=0), *THREE]), Proven)


def test_i7_each_expected_instance_is_judged_and_no_other() -> None:
    outcome = proof(THREE, {INSTANCE: LAUNCHED, "i-0b": LAUNCHED}, DEMAND, NOW)
    assert isinstance(outcome[INSTANCE], Proven)
    assert isinstance(outcome["i-0b"], Missing)
    assert proof(THREE, {}, DEMAND, NOW) == {}


def test_i7_a_record_of_another_schema_is_no_record() -> None:
    line = records.encode(THREE[2])
    assert records.decode(line) is not None
    assert records.decode(line.replace('"schema":1', '"schema":2')) is None
    assert records.decode(line.replace('"schema":1', '"schema":"1"')) is None


ages = st.integers(-200, 600)
any_record = st.builds(
    record,
    ages,
    st.sampled_from(["s1", "s2", "s3", "s4"]),
    stack=st.sampled_from([STACK, STACK, "cq-eth-0001-prod"]),
    instance=st.sampled_from([INSTANCE, INSTANCE, "i-0b"]),
    launched=st.sampled_from([LAUNCHED, LAUNCHED, LAUNCHED - timedelta(days=1)]),
    commit=st.sampled_from([COMMIT, COMMIT, "f" * 40, None]),
    verdict=st.sampled_from(["healthy", "healthy", "healthy", "unknown", "lagging"]),
)


def row_of(newest: int, gaps: list[int]) -> list[Record]:
    """Good records, the newest so many seconds old, with these gaps between them."""
    return [record(age, f"s{number}") for number, age in enumerate(accumulate([newest, *gaps]), 1)]


@given(st.integers(-65, 185), st.lists(st.integers(1, 185), min_size=1, max_size=3), st.lists(any_record, max_size=4))
@example(10, [60, 60], [])
@example(181, [60, 60], [])
@example(-61, [60, 60], [])
@example(10, [60], [])
@example(10, [60, 181], [])
@example(10, [60], [record(20, "s4", launched=LAUNCHED - timedelta(days=1))])
@example(10, [60], [record(20, "s4", stack="cq-eth-0001-prod")])
@example(10, [60], [record(20, "s4", instance="i-0b")])
def test_i7_what_is_proven_is_proven_by_the_records_alone(age: int, gaps: list[int], others: list[Record]) -> None:
    """Good records, the newest so many seconds old, with these gaps between them, and any others among them."""
    given_records = [*others[:2], *row_of(age, gaps), *others[2:]]
    outcome = judged(given_records)
    if not others:
        proves = -60 <= age <= 180 and len(gaps) >= 2 and max(gaps[:2]) <= 180
        assert isinstance(outcome, Proven) is proves
    if not isinstance(outcome, Proven):
        return
    assert len(set(outcome.sweeps)) == 3
    own = [r for r in given_records if r.stack == STACK and r.instance == INSTANCE and r.launched == LAUNCHED]
    row = sorted((r for r in own if r.sweep in outcome.sweeps), key=lambda r: r.time)
    assert {r.sweep for r in row} == set(outcome.sweeps)
    assert all(r.verdict == "healthy" and r.commit == COMMIT for r in row)
    assert max(r.time for r in own) == row[-1].time
    assert -CLOCK_SKEW <= NOW - row[-1].time <= DEMAND.record_age
    newest = sorted(max(r.time for r in row if r.sweep == sweep) for sweep in outcome.sweeps)
    assert all(after - before <= DEMAND.record_age for before, after in pairwise(newest))
    assert all(r in row for r in own if r.time > newest[0])


@given(st.lists(any_record, max_size=8), any_record.filter(lambda r: r.verdict != "healthy"))
def test_i7_a_bad_newest_record_of_the_instance_always_refuses(given_records: list[Record], bad: Record) -> None:
    newest = max(r.time for r in [*THREE, *given_records]) + timedelta(milliseconds=1)
    spoiler = msgspec.structs.replace(bad, time=newest, stack=STACK, instance=INSTANCE, launched=LAUNCHED, sweep="last")
    assert isinstance(judged([*THREE, *given_records, spoiler]), Missing)
