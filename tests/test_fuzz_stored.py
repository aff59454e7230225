"""What cq reads from AWS, with values that cq never wrote: tags, parameters, outputs, records, notes, log lines.

A production of two stacks of which the second is live. One thing at a time is made odd; then every command that reads
it is run, and ends in an answer or in a message that names what can't be read. Nothing is changed by any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.configuration import LOG_GROUP
from coinquery.naming import SILENCES
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP, NETWORK_STACK
from tests.fuzzed_production import (
    BALANCERS,
    COMMIT,
    DEPLOY,
    LIVE,
    LOOKS,
    MONITOR,
    OLD,
    Production,
    alias,
    now,
    outputs_of,
)
from tests.fuzzing import HOME, NETWORK_OUTPUTS, RELEASE, examples, fuzzed, json_values, plain


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The production, in a world of its own."""
    with fuzzed(tmp_path_factory.mktemp("fuzz")) as fuzz:
        yield Production(fuzz)


#: An address that nobody has, and an account that was not bootstrapped by ``cq``.
FINDING_FAULT = (("find", "10.0.0.1"), ("check",))


def test_nothing_odd(production: Production) -> None:
    """Where nothing is odd, every command reads all that is made odd below: else nothing would be tried there."""
    for look in LOOKS:
        ran = production.fuzz.looks(*look)
        assert ran.code == (1 if look in FINDING_FAULT else 0), (look, ran.err)
    assert f"{LIVE} stays: not live: " in production.keeps_the_live_stack()


garbage = (
    plain
    | json_values.map(json.dumps)
    | st.sampled_from(
        ["null", "{}", "[]", "0", "-1", "99999999999999999999", "[" * 1500, '{"time": "then", "who": "a"}']
    )
)


@given(data=st.data())
@examples(12)
def test_a_parameter_that_is_not_ours(production: Production, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(production.parameters)))
    value = data.draw(st.none() | garbage | st.just(now()) | st.just('{"time": "2026-01-01T00:00:00", "who": "a"}'))
    with production.parameter(name, value):
        production.look(*data.draw(st.lists(st.sampled_from(LOOKS), min_size=2, max_size=2, unique=True)))
        production.keeps_the_live_stack()


@pytest.mark.parametrize("member", ["rollout", "region", "standing", "stack", "time", "who", "until"])
def test_a_parameter_with_one_odd_member(production: Production, member: str) -> None:
    """Nearly ours is the hardest: the shape is right, and one member is not what it was."""
    having = [n for n, v in production.parameters.items() if v.startswith("{") and member in json.loads(v)]

    @given(name=st.sampled_from(sorted(having)), odd=json_values)
    @examples(4)
    def holds(name: str, odd: Any) -> None:
        value = json.dumps({**json.loads(production.parameters[name]), member: odd})
        with production.parameter(name, value):
            production.look(("rollback", "eth", "--plan"), ("retire", OLD, "--plan"))
            production.keeps_the_live_stack()

    assert having
    holds()


@pytest.mark.parametrize(
    "name",
    [
        "/coinquery/stacks/eth/prod/1",
        "/coinquery/stacks/eth/prod/00001",
        "/coinquery/stacks/eth/prod/x",
        "/coinquery/stacks/eth/production/0003",
        "/coinquery/stacks/ETH/prod/0003",
        "/coinquery/stacks/eth/prod/0003/more",
        f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/x/begin",
        f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/-1/begin",
        f"{SILENCES}/nonsense",
    ],
)
def test_a_parameter_of_an_odd_name(production: Production, name: str) -> None:
    with production.parameter(name, "{}"):
        said = production.look(("find", "0123456"), ("rollback", "eth", "--plan"), DEPLOY, ("monitor", "silences"))
    if not name.startswith(SILENCES):
        assert any(name in each for each in said.values()), "the message names the parameter"


def test_what_can_not_be_read_is_named(production: Production) -> None:
    name = "/coinquery/stacks/eth/prod/0002"
    with production.parameter(name, "not JSON"):
        ran = production.fuzz.looks("rollback", "eth", "--plan")
    assert ran.code == 1
    assert f"parameter {name} can't be read" in ran.err
    assert "aws ssm get-parameter" in ran.err


def test_what_can_not_be_read_does_not_hide_what_can(production: Production) -> None:
    """In an incident somebody asks for one stack; the entry of another one is not his matter now."""
    name = "/coinquery/stacks/eth/prod/0099"
    with production.parameter(name, "not JSON"):
        ran = production.fuzz.looks("find", LIVE)
    assert ran.code == 0
    assert LIVE in ran.out
    assert f"warning: it may belong to that, too: parameter {name} can't be read" in ran.err


odd_tags = st.sampled_from(
    ["x", "////", "a/b/c/d/e", "a/b/c/d/1", "eth/prod/us-east-1/v1/x", "eth/prod/us-east-1/v1/0"]
)


@given(data=st.data())
@examples(12)
def test_a_stack_of_odd_tags_outputs_and_parameters(production: Production, data: st.DataObject) -> None:
    stack = data.draw(st.sampled_from([OLD, LIVE]))
    what = data.draw(st.sampled_from(["tags", "outputs", "parameters"]))
    changes: dict[str, dict[str, str]]
    if what == "tags":
        kept = {"coinquery:stack": stack, "coinquery:commit": COMMIT}
        rollout = data.draw(st.none() | odd_tags | plain)
        changes = {"tags": kept if rollout is None else {**kept, "coinquery:rollout": rollout}}
    elif what == "outputs":
        whole = outputs_of(stack)
        gone = data.draw(st.sets(st.sampled_from(sorted(whole)), min_size=1))
        odd = data.draw(st.none() | plain)
        changes = {"outputs": {k: v if k not in gone else odd or "" for k, v in whole.items() if odd or k not in gone}}
    else:
        count = data.draw(st.sampled_from(["0", "-1", "1e3", "two", " 2", "\u0662", "99999999999999"]) | plain)
        changes = {"parameters": data.draw(st.sampled_from([{}, {"InstanceCount": count}]))}
    looks = [look for look in LOOKS if look[0] in ("ls", "status", "find", "rollback", "retire")]
    with production.stack(stack, **changes):
        production.look(*data.draw(st.lists(st.sampled_from(looks), min_size=3, max_size=3, unique=True)))
        production.keeps_the_live_stack()


@pytest.mark.parametrize(
    "name", ["cq-xyz-0001-prod", "cq-eth-9999-stage", "cq-a-0001-test", "cq-eth-0000-prod", "cq-eth-0003-prod-copy"]
)
def test_a_stack_that_nobody_of_us_made(production: Production, name: str) -> None:
    production.fuzz.stack(HOME, name)
    try:
        production.look(("ls",), ("status", name), ("retire", name, "--plan"), ("find", name))
    finally:
        production.delete(name)


@given(missing=st.sampled_from(NETWORK_OUTPUTS))
@examples(3)
def test_a_network_without_an_output(production: Production, missing: str) -> None:
    production.delete(NETWORK_STACK)
    production.fuzz.stack(HOME, NETWORK_STACK, outputs=dict.fromkeys(set(NETWORK_OUTPUTS) - {missing}, "x"))
    try:
        ran = production.fuzz.looks(*DEPLOY)
    finally:
        production.delete(NETWORK_STACK)
        production.fuzz.stack(HOME, NETWORK_STACK, outputs=dict.fromkeys(NETWORK_OUTPUTS, "x"))
    assert ran.code == 2
    assert missing in ran.err


def _plain_record(kind: str, *values: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": "eth.example.com",
        "Type": kind,
        "TTL": 60,
        "ResourceRecords": [{"Value": v} for v in values],
        **more,
    }


SHAPES: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "a plain address": [_plain_record("A", "192.0.2.1", "192.0.2.2")],
    "a CNAME": [_plain_record("CNAME", "elsewhere.example.net")],
    "weighted": [alias(BALANCERS[s], SetIdentifier=s, Weight=n) for n, s in enumerate((OLD, LIVE))],
    "by region": [alias(BALANCERS[LIVE], SetIdentifier="x", Region=HOME)],
    "an AAAA beside": [alias(BALANCERS[LIVE]), _plain_record("AAAA", "2001:db8::1")],
    "a TXT beside": [alias(BALANCERS[LIVE]), _plain_record("TXT", '"x"')],
    "elsewhere": [alias("gone-1.us-east-1.elb.amazonaws.com")],
    "dualstack": [alias(f"dualstack.{BALANCERS[LIVE].upper()}.")],
    "a wildcard": [alias(BALANCERS[LIVE], name="*.example.com")],
    "escaped": [alias(BALANCERS[LIVE], name="\\052x.example.com"), alias(BALANCERS[OLD], name="a\\057b.example.com")],
}


@pytest.mark.parametrize("kind", ["public", "private"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_record_set_of_an_odd_shape(production: Production, shape: str, kind: str) -> None:
    with production.records(*SHAPES[shape], kind=kind):
        production.look(
            ("ls",), ("dns", "show", "eth"), ("rollback", "eth", "--plan"), ("retire", OLD, "--plan"), DEPLOY
        )


instance_tags = st.dictionaries(
    st.sampled_from(["Name", "coinquery:stack", "coinquery:coin", "coinquery:commit", "coinquery:release"]),
    st.sampled_from([LIVE, OLD, "", "x", "cq-eth-0001-prod-x", "cq-*-prod", COMMIT]) | plain,
)


@given(tags=instance_tags)
@examples(5)
def test_an_instance_of_odd_tags(production: Production, tags: dict[str, str]) -> None:
    which = production.launch(tags, "10.0.0.1")
    try:
        production.look(("ls",), ("status",), ("find", "10.0.0.1"), ("find", which), MONITOR)
    finally:
        production.fuzz.aws.ec2(HOME).terminate_instances(InstanceIds=[which])


@given(lines=st.lists(plain | json_values.map(json.dumps) | st.just("[" * 1500), min_size=1, max_size=4))
@examples(6)
def test_lines_of_the_log_that_are_no_records(production: Production, lines: list[str]) -> None:
    moment = int(datetime.now(UTC).timestamp() * 1000)
    events: Any = [{"timestamp": moment, "message": line} for line in lines]
    for group, stream in ((LOG_GROUP, LIVE), (LOG_GROUP, "sweeps"), (LOG_GROUP, "stacks"), (JOURNAL_LOG_GROUP, LIVE)):
        logs = production.fuzz.aws.logs(HOME)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    production.look(("ls",), ("status", LIVE), ("rollback", "eth", "--plan"), MONITOR, *_history())


def _history() -> list[tuple[str, ...]]:
    from coinquery.cli import COMMANDS

    return [("history",), ("history", LIVE)] if "history" in COMMANDS else []


def test_the_harness_sees_a_change(production: Production) -> None:
    """A command that changes something is caught, or nothing above would mean anything."""
    with pytest.raises(AssertionError, match="changed something"):
        production.fuzz.looks("monitor", "silence", LIVE, "--for", "1m", "--why", "x")
    production.put(f"{SILENCES}/{LIVE}", production.parameters[f"{SILENCES}/{LIVE}"])
