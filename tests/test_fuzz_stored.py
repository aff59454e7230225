"""What cq reads from AWS, with values that cq never wrote: tags, parameters, outputs, records, notes, log lines.

A production of two stacks of which the second is live. One thing at a time is made odd; then every command that reads
it is run, and ends in an answer or in a message that names what can't be read. Nothing is changed by any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery import config
from coinquery.monitor.configuration import LOG_GROUP, PARAMETER
from coinquery.naming import SILENCES
from coinquery.stacks.foundation import HOME_PARAMETER, JOURNAL_LOG_GROUP, NETWORK_STACK
from tests.fuzzing import HOME, NETWORK_OUTPUTS, RELEASE, Fuzzed, examples, fuzzed, json_values, plain

OLD, LIVE = "cq-eth-0001-prod", "cq-eth-0002-prod"
BALANCERS = {OLD: "one-1.us-east-1.elb.amazonaws.com", LIVE: "two-2.us-east-1.elb.amazonaws.com"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEPLOY = ("deploy", "eth", "--release", RELEASE, "--region", HOME, "--plan")
MONITOR = ("monitor", "run", "--once", "--region", HOME)
LOOKS = (
    ("ls",), ("status",), ("status", LIVE, "--json"), ("find", LIVE), ("find", "10.0.0.1"), ("find", BALANCERS[LIVE]),
    ("find", "eth.example.com"), ("find", "0123456"), ("dns", "show", "eth"), ("rollback", "eth", "--plan"),
    ("retire", OLD, "--plan"), ("retire", LIVE, "--plan"), DEPLOY, (*DEPLOY, "--number", "7"), ("monitor", "silences"),
    ("name", LIVE),
)  # fmt: skip


def _rollout(stack: str) -> str:
    return f"eth/prod/{HOME}/v0.{stack[7:8]}/1"


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _alias(target: str, name: str = "eth.example.com", **more: Any) -> dict[str, Any]:
    alias = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": target, "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": alias, **more}


def _outputs(stack: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind in ("", "Internal"):
        arn = f"arn:aws:elasticloadbalancing:{HOME}:000000000000"
        found |= {
            f"{kind}LoadBalancerDnsName": BALANCERS[stack] if not kind else f"internal-{BALANCERS[stack]}",
            f"{kind}LoadBalancerZoneId": "Z35SXDOTRQ7X7K",
            f"{kind}LoadBalancerArn": f"{arn}:loadbalancer/app/{stack}/0123456789abcdef",
            f"{kind}TargetGroupArn": f"{arn}:targetgroup/{stack}/0123456789abcdef",
        }
    return found


@dataclass
class Production:
    """Two stacks, their ledger entries and notes, and the record that leads to the second."""

    fuzz: Fuzzed

    def __post_init__(self) -> None:
        self.zone = config.load().level("prod").public_zone
        self.parameters: dict[str, str] = {
            "/coinquery/latest/eth/prod": "2",
            HOME_PARAMETER: HOME,
            PARAMETER: "{}",
            f"{SILENCES}/{LIVE}": json.dumps({"until": "2999-01-01T00:00:00Z", "by": "a", "why": "b"}),
        }
        for stack in (OLD, LIVE):
            entry = dict.fromkeys(("release", "author", "reserved"), stack) | {"region": HOME, "commit": COMMIT}
            self.parameters[f"/coinquery/stacks/eth/prod/{stack[7:11]}"] = json.dumps(
                entry | {"rollout": _rollout(stack)}
            )
        notes = f"/coinquery/rollouts/{_rollout(LIVE)}"
        standing = {"public": {"name": "eth.example.com.", "target": BALANCERS[OLD], "target_zone": "Z35SXDOTRQ7X7K"}}
        self.parameters |= {
            f"{notes}/begin": _now(),
            f"{notes}/proposal-1": "2",
            f"{notes}/way-back": json.dumps({"standing": standing, "stack": OLD, "time": _now()}),
            **{f"{notes}/{mark}": json.dumps({"time": _now(), "who": "a"}) for mark in ("created", "switched", "live")},
            f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/1/begin": _now(),
            f"/coinquery/rollouts/eth/prod/{HOME}/{RELEASE}/1/proposal-1": "7",
        }
        for name, value in self.parameters.items():
            self.put(name, value)
        for stack in (OLD, LIVE):
            self.make(stack)
        self.record("UPSERT", _alias(BALANCERS[LIVE]))

    def put(self, name: str, value: str) -> None:
        """Set a parameter."""
        ssm = self.fuzz.aws.ssm(HOME)
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def remove(self, name: str) -> None:
        """Take a parameter away."""
        self.fuzz.aws.ssm(HOME).delete_parameters(Names=[name])

    def record(self, action: Any, record: Any) -> None:
        """Change the zone by hand."""
        batch: Any = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self.fuzz.aws.route53().change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)

    def make(self, stack: str, **changes: dict[str, str]) -> None:
        """A stack as cq makes them, but for what is changed."""
        tags = {"stack": stack, "coin": "eth", "level": "prod", "release": "v0", "commit": COMMIT, "author": "a"}
        told = {f"coinquery:{key}": value for key, value in {**tags, "rollout": _rollout(stack)}.items()}
        whole = {"outputs": _outputs(stack), "tags": told, "parameters": {"InstanceCount": "2"}}
        self.fuzz.stack(HOME, stack, **{**whole, **changes})

    def delete(self, stack: str) -> None:
        """Delete a stack."""
        cloudformation = self.fuzz.aws.cloudformation(HOME)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    @contextmanager
    def parameter(self, name: str, value: str | None) -> Iterator[None]:
        """A parameter with another value for a while, or without one."""
        if value is None:
            self.remove(name)
        else:
            self.put(name, value)
        try:
            yield
        finally:
            if name in self.parameters:
                self.put(name, self.parameters[name])
            else:
                self.remove(name)

    @contextmanager
    def stack(self, stack: str, **changes: dict[str, str]) -> Iterator[None]:
        """A stack that is something else for a while."""
        self.delete(stack)
        self.make(stack, **changes)
        try:
            yield
        finally:
            self.delete(stack)
            self.make(stack)

    @contextmanager
    def records(self, *records: Any) -> Iterator[None]:
        """Other records under the public name for a while."""
        self.record("DELETE", _alias(BALANCERS[LIVE]))
        made: list[Any] = []
        try:
            for each in records:
                self.record("CREATE", each)
                made.append(each)
            yield
        finally:
            for each in made:
                self.record("DELETE", each)
            self.record("CREATE", _alias(BALANCERS[LIVE]))

    def look(self, *looks: tuple[str, ...]) -> dict[tuple[str, ...], str]:
        """Run the commands that only look; what each said on standard error."""
        return {look: self.fuzz.looks(*look).err for look in looks or LOOKS}

    def keeps_the_live_stack(self) -> None:
        """Whatever is odd: the stack that the name leads to is not retired (I6)."""
        ran = self.fuzz.run("retire", LIVE, "--name", LIVE, "--break-glass", "something is odd")
        assert ran.code in (1, 2, 3), ran.err


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The production, in a world of its own."""
    with fuzzed(tmp_path_factory.mktemp("fuzz")) as fuzz:
        yield Production(fuzz)


def test_nothing_odd(production: Production) -> None:
    """Where nothing is odd, every command reads all that is made odd below: else nothing would be tried there."""
    for look in LOOKS:
        ran = production.fuzz.looks(*look)
        assert ran.code == (
            1 if look == ("find", "10.0.0.1") else 3 if "7" in look and "--number" not in look else 0
        ), (
            look,
            ran.err,
        )


garbage = (
    plain
    | json_values.map(json.dumps)
    | st.sampled_from(
        ["null", "{}", "[]", "0", "-1", "99999999999999999999", "[" * 1500, '{"time": "then", "who": "a"}']
    )
)


@given(data=st.data())
@examples(25)
def test_a_parameter_that_is_not_ours(production: Production, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(production.parameters)))
    value = data.draw(st.none() | garbage | st.just(_now()) | st.just('{"time": "2026-01-01T00:00:00", "who": "a"}'))
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
    assert f"warning: parameter {name} can't be read" in ran.err


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
        whole = _outputs(stack)
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
    "weighted": [_alias(BALANCERS[s], SetIdentifier=s, Weight=n) for n, s in enumerate((OLD, LIVE))],
    "by region": [_alias(BALANCERS[LIVE], SetIdentifier="x", Region=HOME)],
    "an AAAA beside": [_alias(BALANCERS[LIVE]), _plain_record("AAAA", "2001:db8::1")],
    "a TXT beside": [_alias(BALANCERS[LIVE]), _plain_record("TXT", '"x"')],
    "elsewhere": [_alias("gone-1.us-east-1.elb.amazonaws.com")],
    "dualstack": [_alias(f"dualstack.{BALANCERS[LIVE].upper()}.")],
    "a wildcard": [_alias(BALANCERS[LIVE], name="*.example.com")],
    "escaped": [_alias(BALANCERS[LIVE], name="\\052x.example.com"), _alias(BALANCERS[OLD], name="a\\057b.example.com")],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_record_set_of_an_odd_shape(production: Production, shape: str) -> None:
    with production.records(*SHAPES[shape]):
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
    ec2 = production.fuzz.aws.ec2(HOME)
    named: Any = (
        [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}] if tags else []
    )
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, PrivateIpAddress="10.0.0.1", TagSpecifications=named
    )
    which = made["Instances"][0]["InstanceId"]
    try:
        production.look(("ls",), ("status",), ("find", "10.0.0.1"), ("find", which), MONITOR)
    finally:
        ec2.terminate_instances(InstanceIds=[which])


@given(lines=st.lists(plain | json_values.map(json.dumps) | st.just("[" * 1500), min_size=1, max_size=4))
@examples(6)
def test_lines_of_the_log_that_are_no_records(production: Production, lines: list[str]) -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    events: Any = [{"timestamp": now, "message": line} for line in lines]
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
