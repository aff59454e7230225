"""A world that somebody or something has disturbed: each command mends it, refuses it, or says what to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError

from coinquery import naming
from coinquery.aws import Aws
from coinquery.cli.progress import PlainProgress
from coinquery.cli.unanswered import refuse_incomplete
from coinquery.dns.names import Standing
from coinquery.durations import Duration
from coinquery.errors import ClockWrong, NotOurStack, NotPermitted, RecordMoved, RolloutEnded, StackIsLive
from coinquery.fleet import overview
from coinquery.naming import StackName
from coinquery.notify.announcer import Announcer
from coinquery.retirement.ladder import Ladder
from coinquery.rollout import deploy, rollback, way_back
from coinquery.rollout.means import gather
from coinquery.rollout.moving import moving
from coinquery.rollout.plan import Plan
from coinquery.rollout.proof import MonitorProof
from coinquery.rollout.record_move import RecordMove
from coinquery.rollout.run import Run
from coinquery.rollout.step import Outcome, holds
from coinquery.rollout.steps.announce import Announce
from coinquery.rollout.steps.create import CreateStack
from coinquery.rollout.steps.give_back import GiveBack
from coinquery.rollout.steps.verify_inside import VerifyInside
from coinquery.rollout.unless_retired import UnlessRetired
from coinquery.rollout.way_back import GoingBack
from coinquery.stacks import inventory, locks
from coinquery.stacks import stack as stacks
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.inventory import Inventory
from coinquery.stacks.notes import GIVING_BACK, LIVE, MOVING, RETIRED, RETIRING, SWITCHED, Key, Notes, of_id
from coinquery.stacks.protection import Protector
from coinquery.stacks.way_back import WayBack
from tests.chaos.clock import QuickClock
from tests.chaos.wire import Sent, Wire
from tests.coin_stacks import until
from tests.teams import REGION, TEST_REGION, Team

EMPTY = "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}"


class Proven:
    """A proof that has no gaps."""

    demand = "nothing"

    def gaps(self) -> dict[str, str]:
        return {}


def _foreign(team: Team, name: str, **tags: str) -> None:
    team.world.aws.cloudformation(REGION).create_stack(
        StackName=name,
        TemplateBody=EMPTY,
        Tags=[{"Key": f"coinquery:{key}", "Value": value} for key, value in tags.items()],
    )


def _unprotect(team: Team, name: str) -> None:
    team.world.aws.cloudformation(REGION).update_termination_protection(
        StackName=name, EnableTerminationProtection=False
    )


@pytest.fixture(scope="module", autouse=True)
def _bootstrapped(team: Team) -> None:
    team.must("bootstrap", "--region", REGION, "--yes")


@pytest.fixture(scope="module")
def pair(team: Team) -> tuple[Team, str]:
    """Two releases, the second live, one instance each, and a stack of that coin that is not ours."""
    coin = team.coin("pair")
    team.deploy(coin, "v1.0.0")
    _foreign(team, f"cq-{coin}-0900-prod")
    team.deploy(coin, "v1.1.0")
    return team, coin


def test_a_stack_without_outputs_can_be_retired(team: Team) -> None:
    """As CloudFormation leaves one that failed to create: our tags, no load balancer."""
    name = "cq-zec-0007-prod"
    _foreign(team, name, rollout=f"zec/prod/{REGION}/v1.0.0/1", stack=name)
    listed = {row["stack"]: row for row in json.loads(team.must("ls", "--json"))["stacks"]}
    assert listed[name]["health"] != "healthy"
    team.must("retire", name, "--name", name)
    assert team.stack(name) is None


def test_i5_protection_that_was_switched_off_by_hand_is_switched_on_by_the_same_command(pair: tuple[Team, str]) -> None:
    team, coin = pair
    name = f"cq-{coin}-0002-prod"
    _unprotect(team, name)
    team.deploy(coin, "v1.1.0")
    stack = team.stack(name)
    assert stack is not None
    assert stack.protected


def test_i6_a_stack_to_which_a_name_of_another_level_leads_is_live(pair: tuple[Team, str]) -> None:
    team, coin = pair
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    names = team.names(coin, "stage")
    target = names.target(first).public
    names.public.zone.swap(names.public.name, None, target, "by hand")
    try:
        ran = team.run("retire", f"cq-{coin}-0001-prod", "--name", f"cq-{coin}-0001-prod")
    finally:
        names.public.zone.swap(names.public.name, target, None, "and back")
    assert ran.returncode == 3
    assert f"{coin}.stage.example.com leads to it" in ran.stderr


def test_i6_the_live_stack_is_live_though_it_lost_its_outputs(pair: tuple[Team, str]) -> None:
    """As where somebody's template took them away: the name of the load balancer tells whose it is (I13)."""
    team, coin = pair
    _, new = team.first_two(coin)
    ladder = Ladder(team.means(coin), dataclasses.replace(new, outputs={}), str(new.name))
    with pytest.raises(StackIsLive, match=f"{coin}.example.com.* leads to it"):
        ladder.climb()


def test_i6_a_stack_to_which_a_cname_leads_is_live(pair: tuple[Team, str]) -> None:
    team, coin = pair
    name, zone = f"beta-{coin}.example.com", team.names(coin).public.zone.id
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    record: Any = {"Name": name, "Type": "CNAME", "TTL": 1, "ResourceRecords": [{"Value": first.hosts[0]}]}
    route53 = team.world.aws.route53()

    def change(action: Any) -> None:
        batch: Any = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("CREATE")
    try:
        ran = team.run("retire", str(first.name), "--name", str(first.name), "--break-glass", "the disk is full")
    finally:
        change("DELETE")
    assert ran.returncode == 3
    assert f"{name} leads to it" in ran.stderr
    assert f"Lead {name} elsewhere by hand" in ran.stderr


@contextmanager
def _denied(aws: Aws, region: str) -> Iterator[None]:
    """CloudFormation of a region answers as where an organisation denies it."""

    def deny(request: AWSPreparedRequest, **_: object) -> Any:
        sent = Sent(0, 0, "cloudformation", "DescribeStacks", request, Wire())
        return sent.refused(
            "AccessDenied", "User: arn:x is not authorized to perform: cloudformation:DescribeStacks", 403
        )

    events = aws.cloudformation(region).meta.events
    events.register("before-send.cloudformation", deny)
    try:
        yield
    finally:
        events.unregister("before-send.cloudformation", deny)


def test_i10_a_region_that_does_not_answer_stops_no_way_back_from_another(
    pair: tuple[Team, str], capsys: pytest.CaptureFixture[str]
) -> None:
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    with _denied(means.aws, TEST_REGION):
        assert rollback.make_plan(means, coin, "prod").going.destination.name == old.name
        seen = overview.look(means.aws, means.config, means.clock.now(), timedelta(minutes=3))
        assert str(new.name) in {row.stack for row in seen.rows}
        with pytest.raises(NotPermitted, match=f"not shown: {TEST_REGION}: "):
            refuse_incomplete(seen.unanswered)
        with pytest.raises(NotPermitted):
            Ladder(means, old, str(old.name)).climb()


def test_i10_what_stands_in_a_region_that_does_not_answer_is_not_said_to_be_gone(pair: tuple[Team, str]) -> None:
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    standing, notes = means.names.read(), Notes(means.store, Key(coin, "prod", TEST_REGION, "elsewhere"), 1)
    assert standing.public is not None
    target = Standing(public=msgspec.structs.replace(standing.public, target="cq-x-1.us-west-2.elb.amazonaws.com."))
    with _denied(means.aws, REGION):
        with pytest.raises(ClientError, match="AccessDenied"):
            rollback.make_plan(means, coin, "prod")
        assert way_back.store(means, notes, StackName(coin, 90, "prod"), standing, target).stack == str(new.name)
    assert old.name != new.name


def test_i9_half_of_a_first_switch_is_taken_over_from_nobody_who_lives(
    pair: tuple[Team, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The private record leads to the new stack, the public one nowhere yet: of two at once both lost."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    switching, notes = of_id(means.store, new.rollout), Notes(means.store, Key(coin, "prod", REGION, "half"), 1)
    half, target = Standing(public=None, private=means.names.target(new).private), means.names.target(old)
    name = StackName(coin, 91, "prod")
    with pytest.raises(RecordMoved, match=f"on its way to {new.name}"):
        way_back.store(means, notes, name, half, target)
    monkeypatch.setattr(means.names, "read", lambda: half)
    switching.mark(f"{MOVING}/0000half", means.clock.now(), "a colleague")
    try:
        with pytest.raises(RecordMoved, match=f"on its way to {new.name}"):
            way_back.store(means, notes, name, half, target)
    finally:
        switching.unmark(f"{MOVING}/0000half")
    assert way_back.store(means, notes, name, half, target).standing == half


@contextmanager
def _going_back_by(notes: Notes, back: WayBack) -> Iterator[None]:
    """The rollout has another way back while the block runs."""
    kept = notes.get("way-back")
    assert kept is not None
    notes.unmark("way-back")
    notes.settle("way-back", msgspec.json.encode(back).decode())
    try:
        yield
    finally:
        notes.unmark("way-back")
        notes.settle("way-back", kept)


def test_i10_the_way_back_to_before_there_was_a_private_name_needs_none(
    pair: tuple[Team, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes, own = of_id(means.store, new.rollout), means.names.target(old)
    without = {key: value for key, value in old.outputs.items() if not key.startswith("Internal")}
    stacks = Inventory((dataclasses.replace(old, outputs=without), new), {})
    monkeypatch.setattr(inventory, "survey", lambda aws, where: stacks)
    back = WayBack(standing=Standing(public=own.public), stack=str(old.name), time="2026-01-01T00:00:00Z", who="a")
    with _going_back_by(notes, back):
        planned = rollback.make_plan(means, coin, "prod")
    assert planned.going.back == back


@pytest.mark.parametrize("ahead", [-120.0, 120.0])
def test_i13_a_clock_that_can_not_judge_records_begins_nothing(team: Team, ahead: float) -> None:
    with pytest.raises(ClockWrong, match=r"this machine's clock is 1[12][0-9] s (ahead of|behind) AWS's"):
        gather(team.world.aws, team.config, QuickClock(skew=ahead), "eth", "prod")


@pytest.mark.parametrize(
    ("status", "expected"),
    [("UPDATE_ROLLBACK_COMPLETE", Outcome.HOLDS), ("UPDATE_IN_PROGRESS", Outcome.WAITING), ("UPDATE_COMPLETE", None)],
)
def test_i4_an_update_that_was_denied_holds_no_rollout_up_and_one_that_was_not_is_told(
    pair: tuple[Team, str], monkeypatch: pytest.MonkeyPatch, status: str, expected: Outcome | None
) -> None:
    team, coin = pair
    means, (old, _) = team.means(coin), team.first_two(coin)
    release = SimpleNamespace(tag="v1.0.0", commit=old.commit)
    rollout: Any = SimpleNamespace(
        notes=of_id(means.store, old.rollout), reserved=old.name, release=release, region=REGION, level_name="prod"
    )
    monkeypatch.setattr(stacks, "read", lambda cloudformation, name: dataclasses.replace(old, status=status))
    step = CreateStack(rollout, means, {}, "")
    if expected is None:
        with pytest.raises(NotOurStack, match="was updated by somebody"):
            step.observe()
    else:
        assert step.observe().outcome is expected


def test_i7_an_instance_that_is_missing_is_a_gap_in_the_proof(pair: tuple[Team, str]) -> None:
    team, coin = pair
    means, (_, new) = team.means(coin), team.first_two(coin)
    expected = dataclasses.replace(new, parameters=new.parameters | {"InstanceCount": str(new.instances + 1)})
    gaps = MonitorProof(means.aws, means.config, means.clock, REGION, lambda: expected).gaps()
    assert gaps["instances"] == f"{new.instances} of {new.instances + 1} are running"


def test_i9_a_stack_that_lost_the_name_is_called_live_by_nobody(pair: tuple[Team, str]) -> None:
    """Somebody moves the name while the monitor is waited for, inside, or right before Slack is told."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes = of_id(means.store, old.rollout)
    proof = MonitorProof(means.aws, means.config, means.clock, REGION, lambda: old)
    with pytest.raises(RecordMoved, match=f"moved away from {old.name} .*: switched to {new.name} by"):
        VerifyInside(means, proof, lambda: notes.marked(SWITCHED), lambda: old).observe()
    rollout: Any = SimpleNamespace(created=old, notes=notes, release=SimpleNamespace(commit=old.commit))
    with pytest.raises(RecordMoved, match="moved away"):
        Announce(rollout, means, Announcer.of(means.config, means.aws, means.clock)).act()
    live = notes.get(LIVE)
    notes.unmark(LIVE)
    run = Run(means.clock, PlainProgress(means.clock), means.config.waits.poll)
    try:
        with pytest.raises(RecordMoved, match="moved away"):
            deploy.carry_out(
                Plan(rollout, (), Chapter(means.journal, lambda: old.name, lambda: "", "")), means, run, new=False
            )
        assert notes.marked(LIVE) is None
    finally:
        notes.settle(LIVE, str(live))


def test_i10_a_name_that_others_took_is_neither_given_back_nor_noted_so(pair: tuple[Team, str]) -> None:
    """It moved on while a person was asked; a mark would keep the other stack from ever being retired."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes, back = of_id(means.store, new.rollout), means.names.target(old)
    assert back.public is not None
    planned = Standing(public=msgspec.structs.replace(back.public, target="another-1.us-east-1.elb.amazonaws.com."))
    going = GoingBack(
        new.name, old, planned, WayBack(standing=back, stack=str(old.name), time="2026-01-01T00:00:00Z", who=""), notes
    )
    with pytest.raises(RecordMoved, match="moved by others"):
        GiveBack(going, means, Proven()).act()
    assert notes.marked(GIVING_BACK) is None
    assert means.names.leads_to(new.outputs)


def test_i8_a_private_record_that_led_elsewhere_is_not_gone_back_to(pair: tuple[Team, str]) -> None:
    """Somebody had moved it by hand before the switch; nobody can prove what it led to, and the stack is proven."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes, own = of_id(means.store, new.rollout), means.names.target(old)
    assert own.private is not None
    elsewhere = msgspec.structs.replace(own.private, target="elsewhere-1.us-east-1.elb.amazonaws.com.")
    back = WayBack(
        standing=Standing(public=own.public, private=elsewhere),
        stack=str(old.name),
        time="2026-01-01T00:00:00Z",
        who="a",
    )
    with _going_back_by(notes, back):
        planned = rollback.make_plan(means, coin, "prod")
    assert planned.going.back.standing.is_same(own)


def test_i11_a_private_record_that_is_gone_needs_no_change_to_follow(pair: tuple[Team, str]) -> None:
    """The answer to its deletion was lost, or the process died before it noted the change."""
    team, coin = pair
    names, notes = team.names(coin), Notes(team.means(coin).store, Key(coin, "prod", REGION, "gone"), 1)
    standing = names.read()
    target, move = Standing(public=standing.public), RecordMove(names, notes, "back")
    assert names.private is not None
    names.private.zone.swap(names.private.name, standing.private, None, "the answer to this is lost")
    try:
        move.make(standing, target, "again", lambda: None)
        assert until(lambda: move.observe(target).outcome is Outcome.HOLDS)
    finally:
        names.private.zone.swap(names.private.name, None, standing.private, "and back")


def test_i3_a_stack_of_another_commit_is_not_joined(pair: tuple[Team, str]) -> None:
    """The tag was moved after the stack was created, and this clone knows only the new one."""
    team, coin = pair
    means, (old, _) = team.means(coin), team.first_two(coin)
    release = SimpleNamespace(tag="v1.0.0", commit=team.commits["v1.1.0"])
    rollout: Any = SimpleNamespace(
        notes=of_id(means.store, old.rollout), reserved=old.name, release=release, region=REGION, level_name="prod"
    )
    with pytest.raises(NotOurStack, match="the tag was moved"):
        CreateStack(rollout, means, {}, "").observe()


def test_i11_a_step_that_waits_ends_when_its_stack_is_being_retired(pair: tuple[Team, str]) -> None:
    """Else it waits for what never comes, and the same command builds the stack that somebody took down."""
    team, coin = pair
    notes = Notes(team.means(coin).store, Key(coin, "prod", REGION, "waits"), 1)
    rollout: Any = SimpleNamespace(notes=notes, reserved=StackName(coin, 7, "prod"))
    inner: Any = SimpleNamespace(title="wait", limit=Duration(1), observe=lambda: holds("proven"))
    step = UnlessRetired(inner, rollout)
    assert step.observe().outcome is Outcome.HOLDS
    notes.mark(RETIRED, datetime.now(UTC), "a colleague")
    with pytest.raises(RolloutEnded, match="a colleague"):
        step.observe()


def test_i6_the_way_back_is_kept_for_its_time(pair: tuple[Team, str]) -> None:
    team, coin = pair
    planned = json.loads(team.must("retire", f"cq-{coin}-0001-prod", "--plan", "--json"))
    (rung,) = (each for each in planned["ladder"] if each["rung"] == "nobody needs it as the way back")
    assert f"cq-{coin}-0002-prod goes back to it until" in rung["saw"]
    assert rung["holds"] is False


def test_i13_dead_instances_are_not_healthy(pair: tuple[Team, str]) -> None:
    team, coin = pair
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    team.must("monitor", "run", "--once", "--region", REGION)
    records = overview.newest(team.world.aws, first)
    assert records
    now, long = datetime.now(UTC), first.created - datetime(2000, 1, 1, tzinfo=UTC)
    assert overview.summary(first, set(records), records, now, long) == "healthy"
    assert overview.summary(first, set(), records, now, long) == "0 of 1 healthy"


def test_i10_the_way_back_mends_protection_and_passes_foreign_stacks_over(pair: tuple[Team, str]) -> None:
    team, coin = pair
    _unprotect(team, f"cq-{coin}-0001-prod")
    team.must("rollback", coin, "--yes")
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    assert first.protected
    assert team.names(coin).leads_to(first.outputs)


def test_i10_the_way_back_is_there_when_the_live_stack_is_gone(pair: tuple[Team, str]) -> None:
    """Not by cq: somebody lifted everything and deleted it."""
    team, coin = pair
    team.deploy(coin, "v1.1.0", "--new")
    name = f"cq-{coin}-0003-prod"
    gone = team.stack(name)
    assert gone is not None
    cloudformation = team.world.aws.cloudformation(REGION)
    Protector(cloudformation, team.world.aws.elbv2(REGION)).lift(gone)
    cloudformation.delete_stack(StackName=name)
    team.must("rollback", coin, "--yes")
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    assert team.names(coin).leads_to(first.outputs)
    again = team.run("deploy", coin, "--release", "v1.1.0", "--region", REGION, "--yes")
    assert again.returncode == 3, "its number is not used again by itself"


def test_i6_who_retires_and_who_switches_see_each_other(team: Team) -> None:
    """The lock of either is set before it looks for the other's."""
    means = team.means("doge")
    name = StackName("doge", 77, "prod")
    notes = Notes(means.store, Key("doge", "prod", REGION, "v1.0.0"), 1)
    _foreign(team, str(name), rollout=notes.id, stack=str(name))
    stack = team.stack(str(name))
    assert stack is not None
    ladder: Any = Ladder(means, stack, str(name))
    ladder.climb()
    with moving(means, notes, name) as renew:
        renew()
        with pytest.raises(StackIsLive, match=f"{means.journal.who} was moving one"):
            Ladder(means, stack, str(name)).climb()
        ran = team.run("retire", str(name), "--name", str(name))
        assert ran.returncode == 3
        assert not locks.standing(notes, RETIRING), "a retirement that was refused holds nobody up"
        notes.mark(f"{RETIRING}/token", means.clock.now(), "other")
        with pytest.raises(RolloutEnded, match="is being retired"):
            renew()
    assert not locks.standing(notes, MOVING), "a move that is over holds nobody up"
    assert notes.marked(SWITCHED) is None
    assert naming.parse(str(name)) == name
