"""``cq history``: what the journal tells people, whatever stands in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import ascii_lowercase

import pytest

from coinquery import cli, naming
from coinquery.clock import SystemClock
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP
from coinquery.stacks.journal import Journal
from coinquery.stacks.ledger import Entry, Ledger
from coinquery.stacks.parameter_store import ParameterStore
from tests.test_cli_silence import CONFIG
from tests.worlds import World

ANNA = "arn:aws:sts::000000000000:assumed-role/coinquery-deployer/anna"
ETH, BTC = "cq-eth-0001-prod", "cq-btc-0001-prod"
_LETTERS = iter(ascii_lowercase)


class Desk:
    """A home region of its own with a journal, and what ``cq history`` answers there."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str], region: str) -> None:
        self.logs = world.aws.logs(region)
        self.journal = Journal(self.logs, SystemClock(), ANNA)
        self._capsys = capsys

    def ask(self, *arguments: str) -> str:
        assert cli.run(["history", *arguments]) == 0
        return self._capsys.readouterr().out

    def lines(self, *arguments: str) -> list[tuple[str, str, str]]:
        found = json.loads(self.ask(*arguments, "--json"))["lines"]
        return [(line["stack"], line["what"], line["result"]) for line in found]

    def put(self, stream: str, text: str, age: timedelta = timedelta()) -> None:
        at = int((datetime.now(UTC) - age).timestamp() * 1000)
        self.logs.put_log_events(
            logGroupName=JOURNAL_LOG_GROUP, logStreamName=stream, logEvents=[{"timestamp": at, "message": text}]
        )


@pytest.fixture
def desk(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    region = f"eu-history{next(_LETTERS)}-1"
    (tmp_path / "cq.toml").write_text(CONFIG.format(region=region), "utf-8")
    monkeypatch.setenv("CQ_CONFIG", str(tmp_path / "cq.toml"))
    return Desk(world, capsys, region)


@pytest.fixture
def written(desk: Desk) -> Desk:
    desk.logs.create_log_group(logGroupName=JOURNAL_LOG_GROUP)
    desk.journal.write(ETH, "switch the DNS", "begins", "eth/prod/r/v1/1", "from nothing", "cq deploy, release v1")
    desk.journal.write(BTC, "retire", "begins", why="cq retire, break-glass: \x1b[31mfire")
    desk.journal.write(ETH, "switch the DNS", "done", "eth/prod/r/v1/1", "in step", "cq deploy, release v1")
    desk.journal.write("bootstrap-eu-1", "set the home region", "done")
    return desk


def test_one_stack_all_stacks_or_those_of_a_coin_oldest_first(written: Desk) -> None:
    eth = [(ETH, "switch the DNS", "begins"), (ETH, "switch the DNS", "done")]
    assert written.lines(ETH) == eth
    assert written.lines("--coin", "eth") == eth
    assert written.lines() == [
        eth[0],
        (BTC, "retire", "begins"),
        eth[1],
        ("bootstrap-eu-1", "set the home region", "done"),
    ]
    assert written.lines("bootstrap-eu-1") == [("bootstrap-eu-1", "set the home region", "done")]
    assert written.lines("cq-eth-0002-prod") == [], "a stack of which nothing was written"


def test_the_table_says_who_did_what_when_and_why_and_orders_nothing_of_the_terminal(written: Desk) -> None:
    heading, first, retired, *_ = written.ask().splitlines()
    assert heading.split() == ["TIME", "STACK", "WHAT", "RESULT", "WHO", "WHY", "DETAIL"]
    assert [word in first for word in (ETH, "begins", "coinquery-deployer/anna", "release v1", "from nothing")] == [
        True
    ] * 5
    assert "\x1b" not in retired
    assert "fire" in retired


def test_json_lines_are_the_lines_of_the_document(written: Desk) -> None:
    document = json.loads(written.ask("--json"))["lines"]
    assert [json.loads(line) for line in written.ask("--jsonl").splitlines()] == document
    assert document[0]["who"] == ANNA
    assert document[0]["why"] == "cq deploy, release v1"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"time": 1}', "[" * 5000, '{"time":"t","who":"w"}', "\x00\x1b]0;x\x07", "é" * 9000],
)
def test_i12_what_is_no_line_of_the_journal_is_shown_as_such_and_hides_no_other(written: Desk, text: str) -> None:
    written.put(ETH, text)
    written.put(ETH, '{"time":"2026-01-01T00:00:00Z","who":"w","stack":"s","what":"old","result":"done"}')
    found = json.loads(written.ask(ETH, "--json"))["lines"]
    kinds = [line["what"] for line in found]
    assert kinds == ["switch the DNS", "switch the DNS", "unreadable", "old"]
    assert found[-1]["why"] == "", "a line of before has no reason"
    shown = written.ask(ETH)
    assert not {"\x1b", "\x00", "\x07"} & set(shown)


def test_it_goes_as_far_back_as_asked_and_reads_all_pages(written: Desk) -> None:
    line = '{"time":"t","who":"w","stack":"%s","what":"old","result":"done"}'
    for hours in range(3):
        written.put(ETH, line % ETH, timedelta(hours=48 + hours))
    assert len(written.lines(ETH)) == 5
    assert len(written.lines(ETH, "--since", "1d")) == 2
    assert len(written.lines("--since", "1d")) == 4
    assert written.lines(ETH, "--since", "999999d") == written.lines(ETH), "longer than there is a calendar"
    assert len(written.lines()) == 7


def test_a_region_without_a_journal_says_what_to_do(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["history"]) == 2
    assert "cq bootstrap" in capsys.readouterr().err
    assert cli.run(["history", ETH]) == 2
    assert cli.run(["history", "nonsense"]) == 2
    assert cli.run(["history", "--coin", "nonsense"]) == 2


def test_i2_of_a_number_without_a_line_it_says_who_reserved_it(
    desk: Desk, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deploy that was killed before its first line has burned a number."""
    desk.logs.create_log_group(logGroupName=JOURNAL_LOG_GROUP)
    assert cli.run(["history", ETH]) == 0
    assert capsys.readouterr().err == "The journal has no line of it.\n"
    entry = Entry(
        rollout="eth/prod/r/v1/1", region="r", release="v1", commit="0" * 40, author="a", reserved="T", by=ANNA
    )
    ledger = Ledger(ParameterStore(world.aws.ssm(desk.logs.meta.region_name)))
    assert ledger.reserve(naming.parse(ETH), entry)
    assert cli.run(["history", ETH]) == 0
    said = capsys.readouterr().err
    assert said.endswith(f"Its number was reserved at T by {ANNA}, for eth/prod/r/v1/1.\n")
