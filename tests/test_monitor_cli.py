"""``cq monitor run``: the same sweep, on a terminal or as one document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coinquery import cli, config
from coinquery.clock import SystemClock
from coinquery.errors import ClockWrong
from coinquery.monitor import here
from coinquery.monitor.records import Record
from tests.monitored import Background, Production, chain, service
from tests.worlds import World

pytestmark = pytest.mark.local_aws
STACK = "cq-eth-0001-prod"


@contextmanager
def running(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, region: str) -> Iterator[Production]:
    production = Production(world.aws, world.state, region=region)
    background = Background()
    address = production.address()
    production.instance(production.stack(STACK), address)
    zone = config.load(str(world.state.root / "cq.toml")).level("prod").public_zone
    with chain() as eth, service(background, address, eth.network.url):
        (folder / "cq.toml").write_text(
            f"""
            account = "000000000000"
            home_region = "{production.region}"
            [levels.prod]
            regions = ["{production.region}", "eu-central-8"]
            name = "{{coin}}.example.com"
            public_zone = "{zone}"
            [levels.prod.certificates]
            {production.region} = "arn:aws:acm:us-east-1:000000000000:certificate/one"
            eu-central-8 = "arn:aws:acm:us-east-1:000000000000:certificate/two"
            [coins.eth]
            references = [
                {{ shape = "evm", url = "{eth.network.url}" }},
                {{ shape = "evm", url = "{eth.mirror.url}" }},
            ]
            """
        )
        monkeypatch.setenv("CQ_CONFIG", str(folder / "cq.toml"))
        yield production
    background.close()


def test_one_sweep_as_one_document_and_as_lines(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(world, tmp_path, monkeypatch, "eu-central-9") as production:
        arguments = ["monitor", "run", "--once", "--region", production.region]
        assert cli.run([*arguments, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert cli.run(arguments) == 0
        shown, errors = capsys.readouterr()
        assert cli.run(["monitor", "run", "--once"]) == 2
        refusal = capsys.readouterr().err
    assert document["summary"]["healthy"] == 1
    assert [record["verdict"] for record in document["records"]] == ["healthy"]
    assert STACK in shown
    assert "1 of 1 healthy" in shown
    assert errors == ""
    assert "--region" in refusal
    assert [record.verdict for record in production.records(STACK)] == ["healthy", "healthy"]


def test_a_region_that_production_does_not_use_is_wrong_use(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(world, tmp_path, monkeypatch, "eu-central-4"):
        assert cli.run(["monitor", "run", "--once", "--region", "nonsense"]) == 2
    assert "production does not use region 'nonsense'" in capsys.readouterr().err


def test_on_a_terminal_the_records_are_a_table(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (40, 200))
    with running(world, tmp_path, monkeypatch, "eu-central-5") as production:
        arguments = ["monitor", "run", "--once", "--region", production.region]
        environment = {**world.environment, "CQ_CONFIG": str(tmp_path / "cq.toml"), "TERM": "xterm"}
        with subprocess.Popen(
            [sys.executable, "-m", "coinquery.cli", *arguments], env=environment, stdout=slave, stderr=slave
        ) as process:
            os.close(slave)
            shown = b"".join(pieces(master)).decode()
    assert process.returncode == 0, shown
    assert "1 of 1 healthy" in shown
    [row] = [line for line in shown.splitlines() if STACK in line][-1:]
    assert "healthy" in row
    assert str(production.records(STACK)[-1].height) in row


def pieces(terminal: int) -> Iterator[bytes]:
    """What is written on the other side, until that is closed, which Linux tells by EIO."""
    with suppress(OSError):
        while piece := os.read(terminal, 65536):
            yield piece
    os.close(terminal)


def test_from_where_no_node_can_be_reached_it_says_so_and_records_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(world, tmp_path, monkeypatch, "eu-central-7") as production:
        (tmp_path / "cq.toml").write_text(
            (tmp_path / "cq.toml").read_text().replace("[coins.eth]", '[coins.eth]\ngrace = "0s"')
        )
        ec2 = production.aws.ec2(production.region)
        found = ec2.describe_instances()["Reservations"]
        ec2.terminate_instances(InstanceIds=[one["InstanceId"] for each in found for one in each["Instances"]])
        production.instance(STACK, production.address())
        assert cli.run(["monitor", "run", "--once", "--region", production.region]) == 0
    shown, errors = capsys.readouterr()
    assert "unreachable" in shown
    assert "nothing was recorded; run it inside the nodes' network" in errors
    assert production.records(STACK) == []


class Hurried:
    """A clock of which a minute is over when it is asked to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize(("wrong", "said"), [(timedelta(minutes=2), "ahead of"), (-timedelta(minutes=2), "behind")])
def test_i7_a_clock_that_is_wrong_records_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: timedelta, said: str
) -> None:
    """A record from the future would hide those that come after it."""

    class Wrong(SystemClock):
        def now(self) -> datetime:
            return super().now() + wrong

    with running(world, tmp_path, monkeypatch, f"eu-north-{len(said)}") as production:
        sweeps = here.sweeps(config.load(), world.aws, Wrong(), production.region, lambda _: None)
        with pytest.raises(ClockWrong, match=f"1(19|20|21) s {said} AWS's, the limit is 60 s"):
            next(sweeps)
        assert production.records(STACK) == []


def test_sweeps_begin_a_minute_apart(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Hurried()
    seen: list[Record] = []
    with running(world, tmp_path, monkeypatch, "eu-central-6") as production:
        sweeps = here.sweeps(config.load(), world.aws, clock, production.region, seen.append)
        first, second = next(sweeps), next(sweeps)
    assert first[0].sweep != second[0].sweep
    assert [*first[1], *second[1]] == seen
    assert len(seen) == 2
    [slept] = clock.slept
    assert 0 < slept < here.PERIOD
