"""Silences: kept in the stack's region, read without trust, begun and ended by ``cq`` with a line in the journal."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coinquery import cli, config
from coinquery.durations import Duration
from coinquery.errors import AwsUnreachable, SilenceReplaced, WrongUse
from coinquery.monitor import silences, silencing
from coinquery.monitor.silences import Silence
from coinquery.naming import SILENCES, parse
from coinquery.stacks.parameter_store import ParameterStore
from tests.monitored import Minutes, Production
from tests.worlds import World

pytestmark = pytest.mark.local_aws
REGION, JOURNAL = "us-east-1", "/coinquery/journal"
NOW = datetime.now(UTC).replace(microsecond=0)
_numbers = count(9001)


@pytest.fixture
def store(world: World) -> ParameterStore:
    return ParameterStore(world.aws.ssm(Production(world.aws, world.state).region))


@pytest.fixture
def stack(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A production stack where the world's own configuration has production, and the journal of an account in use."""
    logs = world.aws.logs(REGION)
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=JOURNAL)
    monkeypatch.setenv("CQ_CONFIG", str(world.state.root / "cq.toml"))
    name = f"cq-eth-{next(_numbers)}-prod"
    body = {"Resources": {"Nothing": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}}
    world.aws.cloudformation(REGION).create_stack(StackName=name, TemplateBody=json.dumps(body))
    return name


def silence(minutes: float) -> Silence:
    return Silence(until=NOW + timedelta(minutes=minutes), by="somebody", why="new disks")


def test_a_silence_is_kept_replaced_and_ended(store: ParameterStore) -> None:
    one, two = parse("cq-eth-0001-prod"), parse("cq-eth-0002-prod")
    assert silences.read(store) == {}
    silences.keep(store, one, silence(5))
    silences.keep(store, two, silence(-5))
    silences.keep(store, one, silence(9))
    assert silences.read(store) == {str(one): silence(9), str(two): silence(-5)}
    assert silences.ends(store, NOW) == {str(one): NOW + timedelta(minutes=9)}
    assert silences.ends(store, NOW + timedelta(minutes=9)) == {}
    silences.end(store, one)
    silences.end(store, one)
    assert silences.ends(store, NOW) == {}


class Crowded:
    """An SSM that refuses the first writes, or in which somebody writes ``theirs`` right after each."""

    def __init__(self, ssm: Any, refusals: int = 0, theirs: str = "") -> None:
        self._ssm, self.refusals, self._theirs = ssm, refusals, theirs

    def put_parameter(self, **wanted: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise self._ssm.exceptions.TooManyUpdates({"Error": {"Code": "TooManyUpdates"}}, "PutParameter")
        self._ssm.put_parameter(**wanted)
        if self._theirs:
            self._ssm.put_parameter(**{**wanted, "Value": self._theirs})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ssm, name)


class Hasty:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        """No time is lost in a test."""


def crowded(world: World, **others: Any) -> ParameterStore:
    ssm: Any = Crowded(world.aws.ssm(Production(world.aws, world.state).region), **others)
    return ParameterStore(ssm, Hasty())


def test_a_silence_that_ssm_refuses_at_first_is_kept_all_the_same(world: World) -> None:
    store, stack = crowded(world, refusals=2), parse("cq-eth-0001-prod")
    silences.keep(store, stack, silence(5))
    assert silences.read(store) == {str(stack): silence(5)}


def test_a_silence_that_ssm_goes_on_refusing_is_no_success(world: World) -> None:
    store = crowded(world, refusals=99)
    with pytest.raises(AwsUnreachable, match="TooManyUpdates"):
        silences.keep(store, parse("cq-eth-0001-prod"), silence(5))
    assert silences.read(store) == {}


@pytest.mark.parametrize(("theirs", "said"), [("", "by jane: old disks"), ("{}", "it was ended")])
def test_of_two_who_silence_at_once_one_is_told_whose_silence_stands(world: World, theirs: str, said: str) -> None:
    other = Silence(until=NOW + timedelta(minutes=9), by="jane", why="old disks")
    store = crowded(world, theirs=theirs or msgspec.json.encode(other).decode())
    with pytest.raises(SilenceReplaced, match=said):
        silences.keep(store, parse("cq-eth-0001-prod"), silence(5))


def test_all_pages_of_silences_are_read(store: ParameterStore) -> None:
    """SSM gives ten at most in one answer."""
    names = {f"cq-eth-{number:04}-prod" for number in range(1, 24)}
    for name in names:
        silences.keep(store, parse(name), silence(5))
    assert set(silences.ends(store, NOW)) == names


@pytest.mark.parametrize(
    "value",
    ["null", "[]", "{}", "for ever", "[" * 2000, '{"until":"tomorrow","by":"x","why":"y"}',
     '{"until":"2999-01-01T00:00:00","by":"x","why":"y"}', '{"until":4102444800,"by":"x","why":"y"}',
     '{"until":"2999-01-01T00:00:00Z","by":"x"}'],
)  # fmt: skip
def test_i13_what_is_no_silence_silences_nobody(store: ParameterStore, value: str) -> None:
    silences.keep(store, parse("cq-eth-0002-prod"), silence(5))
    store.note(f"{SILENCES}/cq-eth-0001-prod", value)
    assert set(silences.read(store)) == {"cq-eth-0002-prod"}


def test_a_stack_is_silenced_listed_and_heard_again_by_cq(
    world: World, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ParameterStore(world.aws.ssm(REGION))
    assert cli.run(["monitor", "silence", stack, "--for", "30m", "--why", "new disks"]) == 0
    assert f"{stack} is silenced until" in capsys.readouterr().out
    until = silences.ends(store, NOW)[stack]
    assert timedelta(minutes=25) < until - datetime.now(UTC) < timedelta(minutes=35)
    assert cli.run(["monitor", "silences", "--json"]) == 0
    listed = {each["stack"]: each["silence"] for each in json.loads(capsys.readouterr().out)["silences"]}
    assert (listed[stack]["why"], listed[stack]["by"]) == ("new disks", "arn:aws:iam::000000000000:root")
    assert cli.run(["monitor", "silence", stack, "--end"]) == 0
    assert f"{stack} is not silenced" in capsys.readouterr().out
    assert stack not in silences.read(store)
    assert cli.run(["monitor", "silences", "--json"]) == 0
    assert stack not in capsys.readouterr().out


def test_i12_who_silenced_a_stack_is_in_its_journal(world: World, stack: str) -> None:
    assert cli.run(["monitor", "silence", stack, "--for", "1h", "--why", "new disks"]) == 0
    assert cli.run(["monitor", "silence", stack, "--end"]) == 0
    logs, deadline = world.aws.logs(REGION), time.monotonic() + 20
    lines: list[str] = []
    while len(lines) < 4 and time.monotonic() < deadline:
        events = logs.filter_log_events(logGroupName=JOURNAL, logStreamNames=[stack])["events"]
        lines = [event.get("message", "") for event in events]
    written = [json.loads(line) for line in lines]
    assert [(line["what"], line["result"]) for line in written] == [
        ("silence", "begins"),
        ("silence", "done"),
        ("end the silence", "begins"),
        ("end the silence", "done"),
    ]
    assert {line["who"] for line in written} == {"arn:aws:iam::000000000000:root"}
    assert written[0]["why"] == "cq monitor silence: new disks"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--for", "30m"],
        ["--why", "x"],
        [],
        ["--end", "--for", "30m"],
        ["--for", "8d", "--why", "x"],
        ["--for", "30m", "--why", ""],
    ],
)
def test_a_silence_without_end_or_reason_is_refused(world: World, stack: str, arguments: list[str]) -> None:
    assert cli.run(["monitor", "silence", stack, *arguments]) == 2
    assert stack not in silences.read(ParameterStore(world.aws.ssm(REGION)))


@pytest.mark.parametrize("name", ["cq-eth-0001-stage", "cq-eth-9999-prod", "website"])
def test_i15_what_is_no_production_stack_that_stands_can_not_be_silenced(world: World, stack: str, name: str) -> None:
    assert stack != name
    assert cli.run(["monitor", "silence", name, "--for", "30m", "--why", "x"]) == 2
    assert name not in silences.read(ParameterStore(world.aws.ssm(REGION)))


def test_seven_days_are_the_longest_and_the_list_tells_those_that_last(world: World, stack: str) -> None:
    clock, settings = Minutes(), config.load(str(Path(world.state.root / "cq.toml")))
    of_stack = silencing.Silencing.of(settings, world.aws, clock, parse(stack))
    with pytest.raises(WrongUse, match="at most 7d"):
        of_stack.begin(Duration(7 * 86400 + 1), "x")
    of_stack.begin(Duration(7 * 86400), "x")
    assert stack in silencing.lasting(settings, world.aws, clock).given[REGION]
    clock.gone = 7 * 1440 + 1
    assert stack not in silencing.lasting(settings, world.aws, clock).given[REGION]
