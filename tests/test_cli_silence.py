"""``cq monitor silence`` and the live table: what an engineer types, and what they see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from coinquery import cli
from coinquery.cli.live_table import LiveTable
from coinquery.monitor import silences
from coinquery.monitor.invoke import Summary
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP
from coinquery.stacks.parameter_store import ParameterStore
from tests.monitored import Production
from tests.test_monitor_records import NOW, RECORD
from tests.worlds import World

STACK = "cq-eth-0001-prod"
CONFIG = """
account = "000000000000"
home_region = "{region}"
[levels.prod]
regions = ["{region}"]
name = "{{coin}}.example.com"
public_zone = "Z12345"
certificates = {{ {region} = "arn:aws:acm:us-east-1:000000000000:certificate/one" }}
"""


@pytest.fixture
def production(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Production:
    production = Production(world.aws, world.state, region=f"eu-silence-{next(_numbers)}")
    production.aws.logs(production.region).create_log_group(logGroupName=JOURNAL_LOG_GROUP)
    production.stack(STACK)
    (tmp_path / "cq.toml").write_text(CONFIG.format(region=production.region), "utf-8")
    monkeypatch.setenv("CQ_CONFIG", str(tmp_path / "cq.toml"))
    return production


_numbers = iter(range(1, 10))


def lasting(production: Production) -> dict[str, datetime]:
    return silences.ends(ParameterStore(production.aws.ssm(production.region)), datetime.now(UTC))


@pytest.mark.local_aws
def test_a_silence_lasts_until_its_end_and_the_journal_says_who_and_why(
    production: Production, capsys: pytest.CaptureFixture[str]
) -> None:
    before = datetime.now(UTC)
    assert cli.run(["monitor", "silence", STACK, "--for", "2h", "--why", "new disks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    until = lasting(production)[STACK]
    assert timedelta(hours=2) <= until - before < timedelta(hours=2, minutes=1)
    assert told == {"stack": STACK, "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    assert cli.run(["monitor", "silences", "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)["silences"]
    assert (one["stack"], one["silence"]["why"]) == (STACK, "new disks")
    assert one["silence"]["by"].startswith("arn:")
    assert cli.run(["monitor", "silence", STACK, "--end"]) == 0
    assert lasting(production) == {}
    events = production.aws.logs(production.region).get_log_events(
        logGroupName=JOURNAL_LOG_GROUP, logStreamName=STACK, startFromHead=True
    )["events"]
    lines = [json.loads(event["message"]) for event in events]
    assert [(line["what"], line["result"]) for line in lines] == [
        ("silence", "begins"),
        ("silence", "done"),
        ("end the silence", "begins"),
        ("end the silence", "done"),
    ]
    assert lines[0]["why"] == "cq monitor silence: new disks"


@pytest.mark.local_aws
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([STACK], "say for how long and why"),
        ([STACK, "--for", "2h"], "say for how long and why"),
        ([STACK, "--for", "8d", "--why", "x"], "at most 7d"),
        ([STACK, "--for", "2h", "--why", "x", "--end"], "say for how long and why"),
        (["cq-eth-0002-prod", "--for", "2h", "--why", "x"], "there is no stack cq-eth-0002-prod"),
        (["cq-eth-0001-stage", "--for", "2h", "--why", "x"], "not production"),
        (["nonsense", "--end"], "not a stack name"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_and_changes_nothing(
    production: Production, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.run(["monitor", "silence", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert lasting(production) == {}


class HandClock:
    """A clock that stands a moment after the records."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=7)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_the_live_table_shows_every_instance_and_why_one_is_not_healthy() -> None:
    shown = LiveTable(HandClock())
    lagging = msgspec.structs.replace(RECORD, instance="i-0b", verdict="lagging", reason="[bold]30 blocks behind", up=0)
    gone = msgspec.structs.replace(RECORD, instance="i-gone", sweep="before")
    for record in (gone, RECORD, lagging):
        shown.record(record)
    shown.summary(Summary(sweep=RECORD.sweep, instances=2, healthy=1, unreached=0, seconds=0.5))
    text = StringIO()
    Console(file=text, width=80).print(shown.render())
    drawn = text.getvalue()
    assert "1 of 2 healthy" in drawn
    assert "i-0b is lagging: [bold]30 blocks behind" in drawn
    assert "7 s" in drawn
    assert "i-0a" in drawn
    assert "i-gone" not in drawn
