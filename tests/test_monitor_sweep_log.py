"""The trace of sweeps: who died, who overlapped, what is handed on; and lines that mean nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.log_group import LogGroup
from coinquery.monitor import sweep_log
from coinquery.monitor.alerts import Alert
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.head import Word
from coinquery.monitor.sweep_log import Began, By, Ended, Line, Live, StackLine, SweepLog, Trace, trace
from coinquery.monitor.witnesses import Memory
from tests.monitored import Production
from tests.worlds import World

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LASTS = timedelta(seconds=55)
Fate = Literal["ends", "fails", "is blind", "dies"]


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def began(minute: float, sweep: str = "", by: By = "monitor") -> Began:
    return Began(time=at(minute), sweep=sweep or f"s{minute}", region="r", by=by, deadline=at(minute) + LASTS)


def ended(minute: float, sweep: str = "", by: By = "monitor", **changes: Any) -> Ended:
    return Ended(time=at(minute), sweep=sweep or f"s{minute}", region="r", by=by, **{"seconds": 1.0, **changes})


ALERT = Alert(key="outage:cq-eth-0001-prod", recent=(True, True), newest=NOON, since=NOON, last=NOON, told="page")
WORD = Word(coin="eth", by="one.example.com", kind="reference", at=NOON, height=7, time=NOON, hashes={0: "0xa"})
FULL = ended(
    1,
    instances=3,
    healthy=2,
    unreached=1,
    died=("a",),
    overlaps=("b", "c"),
    memory=Memory(words=(WORD,), asked={"eth one.example.com": NOON}),
    live={"eth": Live(stack="cq-eth-0002-prod", way_back="cq-eth-0001-prod"), "btc": Live()},
    silences={"cq-eth-0001-prod": at(60)},
    alerts=(ALERT,),
)


@pytest.mark.parametrize("line", [began(1), ended(1), FULL, ended(2, by="here", failed="no", blind=True)])
def test_a_line_reads_back_as_it_was_written(line: Line) -> None:
    assert sweep_log.decode(sweep_log.encode(line)) == line


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "[" * 100_000, "START RequestId: 1", "\ud800",
     sweep_log.encode(FULL).replace('"schema":1', '"schema":2'),
     sweep_log.encode(FULL).replace('"ended"', '"over"'),
     sweep_log.encode(FULL).replace('"height":7', '"height":"7"'),
     sweep_log.encode(began(1)).replace("Z", "")],
)  # fmt: skip
def test_a_line_of_anything_else_is_no_line(text: str) -> None:
    assert sweep_log.decode(text) is None


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert sweep_log.decode(text) is None


def metrics(line: Line | StackLine) -> dict[str, Any] | None:
    document = json.loads(sweep_log.encode(line))
    if "_aws" not in document:
        return None
    assert document["_aws"]["Timestamp"] == int(line.time.timestamp() * 1000)
    [made] = document["_aws"]["CloudWatchMetrics"]
    return {"of": made["Dimensions"], **{metric["Name"]: document[metric["Name"]] for metric in made["Metrics"]}}


def test_the_end_of_the_monitors_own_sweep_is_its_sign_of_life_and_nothing_else_is() -> None:
    assert metrics(FULL) == {"of": [["region"]], "sweeps": 1, "dead_sweeps": 1, "overlapping_sweeps": 2, "unreached": 1}
    for other in (began(1), ended(1, by="here"), ended(1, failed="AWS says no")):
        assert metrics(other) is None


def test_a_stacks_line_is_its_outage_and_what_serves() -> None:
    counts: dict[str, Any] = {"expected": 2, "serving": 0, "outage": 1}
    line = StackLine(time=NOON, sweep="s", region="r", stack="cq-eth-0001-prod", coin="eth", role="live", **counts)
    assert metrics(line) == {"of": [["stack", "coin"]], "outage": 1, "serving": 0}


def test_a_beginning_without_an_end_is_an_overlap_until_its_deadline_and_a_death_after_it() -> None:
    lines: list[Line] = [began(1), began(1.5), ended(1.6, "s1.5")]
    assert (trace(lines, "monitor", at(1.9)).overlaps, trace(lines, "monitor", at(1.9)).died) == (("s1",), ())
    assert (trace(lines, "monitor", at(2)).overlaps, trace(lines, "monitor", at(2)).died) == ((), ("s1",))


def test_an_overlap_that_ended_late_did_not_die() -> None:
    assert trace([began(1), began(1.5), ended(1.6, "s1.5"), ended(1.8, "s1")], "monitor", at(3)).died == ()


def test_persons_sweeps_and_the_monitors_know_nothing_of_each_other() -> None:
    lines: list[Line] = [began(1), began(2, by="here"), ended(2.5, "s2", by="here", alerts=(ALERT,))]
    assert trace(lines, "monitor", at(9)) == Trace(died=("s1",))
    assert trace(lines, "here", at(9)).alerts == (ALERT,)
    assert trace(lines, "here", at(9)).died == ()


def test_what_the_last_end_knew_is_handed_on_unless_that_sweep_was_blind() -> None:
    lines: list[Line] = [began(1), FULL, began(2), ended(2, failed="x", blind=True), began(3)]
    handed = trace(lines, "monitor", at(3.1))
    assert (handed.memory, handed.live, handed.alerts) == (FULL.memory, FULL.live, FULL.alerts)
    assert handed.silences == FULL.silences
    assert sweep_log.memory(lines) == FULL.memory


def test_a_log_that_can_not_be_read_makes_blind_and_an_empty_one_does_not() -> None:
    assert trace(None, "monitor", NOON) == Trace(blind=True)
    assert trace([], "monitor", NOON) == Trace()
    assert sweep_log.memory([]) == Memory()


def live_through(fates: Sequence[Fate]) -> list[Line]:
    """Sweeps a minute apart; each but those that die leaves an end with what it found of the others."""
    lines: list[Line] = []
    for minute, fate in enumerate(fates):
        seen = trace(lines, "monitor", at(minute))
        lines.append(began(minute))
        if fate == "is blind":
            lines.append(ended(minute + 0.1, f"s{minute}", failed="x", blind=True))
        elif fate != "dies":
            failed = "x" if fate == "fails" else ""
            lines.append(ended(minute + 0.1, f"s{minute}", died=seen.died, failed=failed))
    return lines


@given(st.lists(st.sampled_from(["ends", "fails", "is blind", "dies"]), max_size=10))
def test_each_sweep_that_died_is_told_once_and_no_other(fates: list[Fate]) -> None:
    lines = live_through([*fates, "ends"])
    told = [sweep for line in lines if isinstance(line, Ended) for sweep in line.died]
    assert sorted(told) == sorted(f"s{minute}" for minute, fate in enumerate(fates) if fate == "dies")


@pytest.mark.local_aws
def test_lines_come_back_from_the_log_newest_last_and_foreign_ones_are_passed_over(world: World) -> None:
    production = Production(world.aws, world.state)
    logs, now = production.aws.logs(production.region), datetime.now(UTC).replace(microsecond=0)
    log = SweepLog(logs)
    assert log.newest() == []
    written = [
        msgspec.structs.replace(FULL, time=now - timedelta(minutes=age), sweep=f"s{age}") for age in range(30, 0, -1)
    ]
    for line in written[:-1]:
        log.write(line)
    moment = int(now.timestamp() * 1000) - 61_000
    LogGroup(logs, LOG_GROUP).put("sweeps", [(moment, "not JSON"), (moment, "{}")])
    log.write(written[-1])
    newest = log.newest()
    assert newest == written[-len(newest) :]
    assert len(newest) >= 10


@pytest.mark.local_aws
@pytest.mark.parametrize("foreign", [25, 200])
def test_the_last_usable_end_is_found_behind_lines_that_are_of_no_use(world: World, foreign: int) -> None:
    """As after a version that wrote other lines, or an hour of sweeps that could not read the log."""
    production = Production(world.aws, world.state)
    logs, now = production.aws.logs(production.region), datetime.now(UTC).replace(microsecond=0)
    log = SweepLog(logs)
    log.write(msgspec.structs.replace(FULL, time=now - timedelta(minutes=9)))
    moment = int(now.timestamp() * 1000) - 60_000
    LogGroup(logs, LOG_GROUP).put("sweeps", [(moment + n, '{"event":"ended","schema":2}') for n in range(foreign)])
    assert sweep_log.memory(log.newest()) == FULL.memory
