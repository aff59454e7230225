"""Records: one line each, log and metric at once, and read back without trusting what stands beside them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery import log_group
from coinquery.errors import LinesRejected
from coinquery.monitor import records
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.record_log import RecordLog
from coinquery.monitor.records import Record
from tests.monitored import Production
from tests.worlds import World

NOW = datetime.now(UTC).replace(microsecond=123000)
ONE, TWO = "cq-eth-0001-prod", "cq-eth-0002-prod"
RECORD = Record(
    time=NOW,
    sweep="20261124T120000Z-0a1b2c",
    region="us-east-1",
    stack=ONE,
    coin="eth",
    instance="i-0a",
    address="10.64.0.7",
    launched=NOW - timedelta(hours=1),
    verdict="healthy",
    reason="in step",
    expected_commit="f" * 40,
    commit="f" * 40,
    height=1000,
    head=1001,
    witnesses=2,
    lag_blocks=1,
    lag_seconds=12,
    up=1,
)


def changed(**changes: Any) -> Record:
    return msgspec.structs.replace(RECORD, **changes)


def test_a_line_has_the_fields_of_the_schema_and_says_its_version() -> None:
    line = json.loads(records.encode(RECORD))
    assert line["schema"] == 1
    assert line["time"] == NOW.isoformat().replace("+00:00", "Z")
    assert line["_aws"]["Timestamp"] == RECORD.timestamp
    assert set(line) == {*Record.__struct_fields__, "_aws"}


def test_i13_an_unknown_number_is_null_and_no_metric() -> None:
    line = json.loads(records.encode(changed(height=None, lag_blocks=None, up=0, verdict="unknown")))
    assert (line["height"], line["lag_blocks"]) == (None, None)
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in metrics["Metrics"]] == ["up"]


def test_every_metric_of_a_line_is_a_number_in_it() -> None:
    line = json.loads(records.encode(RECORD))
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"]: type(line[metric["Name"]]) for metric in metrics["Metrics"]} == {
        "up": int,
        "height": int,
        "lag_blocks": int,
    }


@given(
    st.builds(
        Record,
        time=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
        launched=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
        rate=st.none() | st.floats(-1e9, 1e9),
        height=st.none() | st.integers(0, 2**53),
        lag_blocks=st.none() | st.integers(0, 2**53),
    )
)
def test_a_line_reads_back_as_the_record_that_it_was_written_from(record: Record) -> None:
    assert records.decode(records.encode(record)) == record


LINE = json.loads(records.encode(RECORD))


@pytest.mark.parametrize(
    "hostile",
    [
        "", "null", "[]", "{}", "START RequestId: 1", "[" * 100_000, '{"schema":1}', "\ud800",
        json.dumps({**LINE, "schema": 2}),
        json.dumps({**LINE, "schema": True}),
        json.dumps({**LINE, "verdict": "fine"}),
        json.dumps({**LINE, "up": 2}),
        json.dumps({**LINE, "height": -1}),
        json.dumps({**LINE, "height": 1.5}),
        json.dumps({**LINE, "height": "1000"}),
        json.dumps({**LINE, "time": "2026-11-24T12:00:00"}),
        json.dumps({**LINE, "time": 1764000000}),
        json.dumps({**LINE, "launched": None}),
        json.dumps({**LINE, "instance": None}),
        json.dumps({key: value for key, value in LINE.items() if key != "verdict"}),
    ],
)  # fmt: skip
def test_a_line_of_anything_else_is_no_record(hostile: str) -> None:
    assert records.decode(hostile) is None


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_line_breaks_the_reader(line: str) -> None:
    assert records.decode(line) is None


@pytest.fixture
def production(world: World) -> Production:
    return Production(world.aws, world.state)


@pytest.mark.local_aws
def test_records_come_back_of_their_stack_since_then_and_by_time(production: Production) -> None:
    log = RecordLog(production.aws.logs(production.region))
    written = [changed(time=NOW - timedelta(seconds=age), sweep=f"s{age}") for age in (5, 60, 30, 400)]
    log.write([*written, changed(stack=TWO)])
    assert [record.sweep for record in log.read(ONE, NOW - timedelta(seconds=60))] == ["s60", "s30", "s5"]
    assert [record.sweep for record in log.latest(ONE, 2)] == ["s30", "s5"]
    assert len(log.read(TWO, NOW - timedelta(hours=1))) == 1


@pytest.mark.local_aws
def test_i7_foreign_and_hostile_lines_in_a_stream_are_passed_over(production: Production) -> None:
    logs = production.aws.logs(production.region)
    log = RecordLog(logs)
    log.write([RECORD])
    lines = [
        "not JSON",
        "{}",
        records.encode(changed(stack=TWO)),
        records.encode(RECORD).replace('"schema":1', '"schema":9'),
    ]
    events = [{"timestamp": RECORD.timestamp + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=ONE, logEvents=events)  # type: ignore[arg-type]
    assert log.read(ONE, NOW - timedelta(minutes=1)) == [RECORD]
    assert log.latest(ONE, 10) == [RECORD]


@pytest.mark.local_aws
def test_no_stream_and_no_group_hold_no_records(production: Production) -> None:
    logs = production.aws.logs(production.region)
    for group in (LOG_GROUP, "/no/such/group"):
        assert RecordLog(logs, group).read(ONE, NOW) == []
        assert RecordLog(logs, group).latest(ONE, 10) == []


@pytest.mark.local_aws
def test_all_pages_of_records_are_read(production: Production) -> None:
    logs = production.aws.logs(production.region)
    log = RecordLog(logs)
    log.write([changed(time=NOW - timedelta(seconds=n), sweep=f"s{n}") for n in range(25)])
    pages: list[str] = []

    def ten_a_page(params: dict[str, Any], **_: Any) -> None:
        pages.append(params.get("nextToken", ""))
        params["limit"] = 10

    logs.meta.events.register("before-parameter-build.logs.GetLogEvents", ten_a_page)
    assert len(log.read(ONE, NOW - timedelta(hours=1))) == 25
    assert pages[0] == ""
    assert len(set(pages)) == len(pages) == 4


@pytest.mark.local_aws
def test_i12_records_that_cloudwatch_drops_with_status_200_are_an_error(production: Production) -> None:
    log = RecordLog(production.aws.logs(production.region))
    with pytest.raises(LinesRejected, match="tooNewLogEventStartIndex"):
        log.write([RECORD, changed(time=NOW + timedelta(hours=3))])


@pytest.mark.local_aws
def test_more_than_one_call_holds_is_written_in_several(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = production.aws.logs(production.region)
    sizes: list[int] = []
    logs.meta.events.register(
        "before-parameter-build.logs.PutLogEvents", lambda params, **_: sizes.append(len(params["logEvents"]))
    )
    monkeypatch.setattr(log_group, "MOST_EVENTS", 4)
    log = RecordLog(logs)
    log.write([changed(sweep=f"s{n}") for n in range(10)])
    assert sorted(sizes) == [2, 4, 4, 4]  # the first call finds no stream and is made again
    monkeypatch.setattr(log_group, "MOST_BYTES", 2 * len(records.encode(RECORD)))
    sizes.clear()
    log.write([changed(sweep=f"t{n}") for n in range(3)])
    assert sizes == [1, 1, 1]
    assert len(log.read(ONE, NOW - timedelta(hours=1))) == 13
