"""The public name in every sweep: real stacks, a real name server, real load balancers, and what can happen to them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509

from coinquery import naming
from coinquery.aws import Aws
from coinquery.local.supervisor import Supervisor
from coinquery.monitor import public_name
from coinquery.monitor.outlook import NameOutlook
from coinquery.naming import StackName
from coinquery.stacks.ledger import Entry, Ledger
from coinquery.stacks.notes import RETIRED, RETIRING, SWITCHED, Key, Notes, of_id
from coinquery.stacks.parameter_store import ParameterStore
from tests import outside
from tests.coin_stacks import processes, until
from tests.public_names import OTHER_REGION, PROTECTIONS, Later, Name, Switch, listens, stopped
from tests.teams import REGION, RELEASES, Team


@pytest.fixture(scope="module")
def name(team: Team) -> Name:
    coin = team.coin("seen", instances=2)
    for release in RELEASES:
        team.deploy(coin, release)
    others, _, own = team.path.read_text("utf-8").partition(f"[coins.{coin}]")
    stricter = own.replace('grace = "1m"', 'grace = "1s"').replace('tolerance = "10s"', 'tolerance = "5s"')
    team.path.write_text(f"{others}[coins.{coin}]{stricter}", "utf-8")
    return Name(team, coin)


@pytest.fixture(autouse=True)
def _well_before(name: Name) -> None:
    """What a test breaks it mends: the next one begins where nothing is to be said."""
    if not until(name.well):
        raise AssertionError(name.look())


def test_where_all_is_well_there_is_nothing_to_say(name: Name) -> None:
    files = (name.team.world.state.root / "certificates").glob("*.pem")
    certificates = [x509.load_pem_x509_certificate(file.read_bytes()) for file in files if file.name != "ca.pem"]
    end = min(certificate.not_valid_after_utc for certificate in certificates)
    assert name.look() == NameOutlook(
        coin=name.coin,
        name=name.public,
        stack=str(name.live.name),
        answers=True,
        certificate_days=(end - datetime.now(UTC)).days,
        way_back=str(name.standby.name),
    )


def test_a_look_takes_few_calls_of_aws(name: Name) -> None:
    """None of them DescribeStacks, which one poller a region has asked."""
    aws, calls = Aws(), []
    for client in (aws.route53(), aws.ssm(REGION), aws.logs(REGION), aws.cloudformation(REGION), aws.elbv2(REGION)):
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    public_name.look(name.coin, name.standpoint(aws=aws))
    assert sorted(calls) == [
        *["DescribeLoadBalancerAttributes"] * 4,  # public and internal, of the live stack and of the way back
        "GetLogEvents",
        *["GetParameter"] * 2,
        *["GetStackPolicy"] * 2,
        "ListResourceRecordSets",
    ]


def test_a_live_stack_is_told_of_by_its_own_regions_monitor(name: Name) -> None:
    assert list(name.tellers()) == [REGION]


def test_a_record_that_is_gone_is_an_outage(name: Name) -> None:
    with name.leading_to(None):
        (told,) = name.tellers().items()
    region, seen = told
    assert (region, seen.stack, seen.answers) == (REGION, None, False)
    assert f"{name.public} has no record in zone" in seen.problems[0]
    assert f"it was moved to {name.live.name} at" in seen.problems[0]


def test_a_record_that_leads_to_a_stack_of_another_coin_is_an_outage(name: Name) -> None:
    host = "cq-dash-0077-prod-1.us-east-1.elb.amazonaws.com"
    cloudformation = name.team.world.aws.cloudformation(REGION)
    template = {
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"LoadBalancerDnsName": {"Value": host}},
    }
    cloudformation.create_stack(StackName="cq-dash-0077-prod", TemplateBody=json.dumps(template))
    with name.leading_to(host):
        ((region, seen),) = name.tellers().items()
    cloudformation.delete_stack(StackName="cq-dash-0077-prod")
    assert (region, seen.stack, seen.answers) == (REGION, None, False)
    assert seen.problems == (f"{name.public} leads to cq-dash-0077-prod, a stack of another coin",)


@pytest.mark.parametrize(
    ("host", "teller"),
    [
        (f"somebodys-1.{REGION}.elb.amazonaws.com", REGION),
        (f"somebodys-1.{OTHER_REGION}.elb.amazonaws.com", OTHER_REGION),
        ("somebodys-1.ap-southeast-2.elb.amazonaws.com", REGION),
        ("elsewhere.example.org", REGION),
    ],
)
def test_a_record_that_leads_to_none_of_ours_is_told_by_one_monitor(name: Name, host: str, teller: str) -> None:
    with name.leading_to(host):
        ((region, seen),) = name.tellers().items()
    assert (region, seen.stack, seen.answers) == (teller, None, False)
    assert seen.problems == (f"{name.public} leads to none of our production stacks but to {host}",)


def test_a_record_that_cq_can_not_move_is_a_problem(name: Name) -> None:
    route53, zone = name.team.world.aws.route53(), name.team.names(name.coin).public.zone
    record: Any = {"Name": name.public, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}

    def change(action: str) -> None:
        changes: Any = [{"Action": action, "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": changes})

    with name.leading_to(None):
        change("CREATE")
        ((region, seen),) = name.tellers().items()
        change("DELETE")
    assert (region, seen.stack, seen.answers) == (REGION, None, None)
    assert "is no single alias record: A" in seen.problems[0]


def test_a_coin_that_never_was_live_has_nothing_to_say(name: Name) -> None:
    """Known-new stacks never page, and a coin whose stacks are retired is over."""
    store = ParameterStore(name.team.world.aws.ssm(REGION))
    stack, notes, now = (
        StackName("btc", 1, "prod"),
        Notes(store, Key("btc", "prod", REGION, "v1"), 1),
        datetime.now(UTC),
    )
    assert public_name.look("btc", name.standpoint()) is None, "no stack"
    entry = Entry(rollout=notes.id, region=REGION, release="v1", commit="c", author="a", reserved="r")
    Ledger(store).reserve(stack, entry)
    assert public_name.look("btc", name.standpoint()) is None, "in its first rollout"
    notes.mark(SWITCHED, now, "test")
    seen = public_name.look("btc", name.standpoint())
    assert seen is not None
    assert "it was moved to cq-btc-0001-prod" in seen.problems[0]
    notes.mark(RETIRED, now, "test")
    assert public_name.look("btc", name.standpoint()) is None, "retired"


@pytest.mark.parametrize(("coin", "region"), [("bch", REGION), ("dash", OTHER_REGION)])
def test_a_record_that_is_gone_is_an_outage_however_many_numbers_came_after_its_stack(
    name: Name, coin: str, region: str
) -> None:
    """Rollouts that failed use up numbers, and the old stack is live all the while."""
    world, now = name.team.world, datetime.now(UTC)
    store = ParameterStore(world.aws.ssm(REGION))
    for number in range(1, public_name.LOOKED_AT + 3):
        notes = Notes(store, Key(coin, "prod", region, f"v{number}"), 1)
        entry = Entry(rollout=notes.id, region=region, release="v1", commit="c", author="a", reserved="r")
        Ledger(store).reserve(StackName(coin, number, "prod"), entry)
        if number == 1:
            notes.mark(SWITCHED, now, "test")
    assert public_name.look(coin, name.standpoint()) is None, "it does not stand"
    cloudformation, stack = world.aws.cloudformation(region), f"cq-{coin}-0001-prod"
    template = {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}}
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    try:
        seen = public_name.look(coin, name.standpoint())
    finally:
        cloudformation.delete_stack(StackName=stack)
    assert seen is not None
    assert (seen.stack, seen.answers) == (None, False)
    assert f"it was moved to {stack} at" in seen.problems[0]


@pytest.mark.parametrize(("lacks", "switch"), PROTECTIONS.items(), ids=PROTECTIONS)
def test_i5_protection_that_is_off_is_told_of_the_live_stack_and_of_its_way_back(
    name: Name, lacks: str, switch: Switch
) -> None:
    for stack in (name.live, name.standby):
        switch(name.team, stack, False)
    seen = name.look()
    for stack in (name.live, name.standby):
        switch(name.team, stack, True)
    assert [problem.partition(lacks)[0] for problem in (*seen.problems, *seen.way_back_problems)] == [
        f"{stack.name} is not protected in full: it lacks " for stack in (name.live, name.standby)
    ]
    assert seen.answers is True


def test_nodes_that_are_stopped_are_seen_through_the_load_balancer(name: Name) -> None:
    """It sends to all targets where all are unhealthy, so /info alone proves nothing."""
    where = f"https://{name.public}/health at {name.balancer(name.live)}: HTTP 503"
    nodes = [pid for instance in name.instances(name.live) for pid in name.programs(instance, "--fork-url")]
    with stopped(nodes):
        assert until(lambda: where in name.look().problems)


def test_a_load_balancer_that_does_not_answer_is_an_outage(name: Name) -> None:
    address = name.balancer(name.live)
    with stopped([pid for pid in processes(name.team.world.state, "caddy") if listens(pid, address)]):
        seen = name.look()
    assert (seen.answers, seen.certificate_days) == (False, None)
    assert seen.problems == (f"https://{name.public}/info at {address}: no whole answer within 3 s",)


def test_a_name_server_with_an_old_answer_and_what_answers_there(name: Name) -> None:
    """An older commit, from another stack, behind the name for some of its clients."""
    old, new = name.balancer(name.standby), name.balancer(name.live)
    with outside.name_server(outside.says(old)) as stale:
        seen = name.look(name_servers=(name.server, stale))
    assert seen.answers is True, "the others get the right one"
    assert seen.problems == (
        f"name server {stale} answers {old}, others {new}",
        f"https://{name.public}/info at {old} answers commit {name.standby.commit} of {name.standby.name}, "
        f"the record leads to {name.live.name} with {name.live.commit}",
    )
    with outside.name_server(outside.says(old)) as stale:
        assert name.look(name_servers=(stale,)).answers is False


def test_a_name_server_that_is_stopped(name: Name) -> None:
    (server,) = [health for health in Supervisor(name.team.world.state).health() if health.name == "nameserver"]
    with outside.name_server(outside.says(name.balancer(name.live))) as other, stopped([server.pid]):
        one, all_of_them = name.look(name_servers=(name.server, other)), name.look()
    assert one.answers is True
    assert one.problems == (f"name server {name.server}: no answer in time",)
    assert all_of_them.answers is None, "no way out is no outage of the name"
    assert all_of_them.problems == (f"no name server could be reached from here: {name.server} (no answer in time)",)


def test_a_name_server_that_knows_no_address_is_an_outage(name: Name) -> None:
    with outside.name_server(outside.says()) as empty:
        seen = name.look(name_servers=(empty,))
    assert (seen.answers, seen.problems) == (False, (f"name server {empty}: no address (NOERROR)",))


def test_a_certificate_that_ends_soon_or_is_not_trusted(name: Name) -> None:
    seen = public_name.look(name.coin, replace(name.standpoint(), clock=Later(20 * 86400)))
    assert seen is not None
    assert seen.certificate_days == 9
    assert f"the certificate of {name.public} has 9 days left, until 20" in seen.problems[0]
    refused = name.look(ca_bundle="")
    assert (refused.answers, refused.certificate_days) == (False, None)
    assert "its certificate is refused" in refused.problems[0]


def test_a_standby_that_is_stopped_or_has_fallen_behind_is_no_way_back(name: Name) -> None:
    """The node of one of its instances hangs, the other's hears of no new blocks."""
    one, other = name.instances(name.standby)
    standby = name.standby.name

    def behind() -> bool:
        name.sweep()
        return any(f"{standby} has fallen behind" in problem for problem in name.look().way_back_problems)

    with stopped(name.programs(one, "--fork-url") + name.programs(other, "follower")):
        assert until(behind)
        seen = name.look()
    assert (seen.answers, seen.problems, seen.way_back) == (True, (), str(standby))
    fallen, silent = sorted(seen.way_back_problems)
    assert re.fullmatch(
        rf"{standby} has fallen behind and is no way back: i-\w+ is \w+ at height \d+, "
        r"\d+ blocks \(\d+ s\) behind head \d+",
        fallen,
    )
    assert re.match(rf"{standby} is no way back: i-\w+ is [a-z-]+: ", silent)
    assert until(name.well_in_a_new_sweep)


def test_a_standby_whose_records_are_old_or_too_few_is_no_way_back(name: Name) -> None:
    at = name.standpoint()
    later = public_name.look(name.coin, replace(at, clock=Later(200)))
    assert later is not None
    assert (
        f"{name.standby.name} is no way back: no record of the last 180 s, the newest is" in later.way_back_problems[0]
    )
    larger = replace(name.standby, parameters={**name.standby.parameters, "InstanceCount": "3"})
    few = public_name.look(name.coin, replace(at, stacks={**at.stacks, larger.name: larger}))
    assert few is not None
    assert few.way_back_problems == (f"{name.standby.name} has fresh records of 2 instances and must have 3",)


def test_a_way_back_in_another_region_is_found_there(name: Name) -> None:
    """As a region sees it whose live stack came after one of another region."""
    at = name.standpoint()
    here = {stack: at.stacks[stack] for stack in at.stacks if stack != name.standby.name}
    elsewhere = replace(at, region=OTHER_REGION, stacks=here)
    seen = public_name.look(name.coin, elsewhere)
    assert seen is not None
    assert (seen.way_back, seen.way_back_problems) == (str(name.standby.name), ())


def test_a_way_back_that_is_gone_is_a_problem_unless_cq_retired_it(name: Name) -> None:
    at = name.standpoint()
    gone = replace(at, stacks={stack: at.stacks[stack] for stack in at.stacks if stack != name.standby.name})
    seen = public_name.look(name.coin, gone)
    assert seen is not None
    assert seen.way_back_problems == (f"{name.standby.name}, the way back, is gone, and was not retired by cq",)
    notes = of_id(at.store, name.standby.rollout)
    notes.mark(f"{RETIRING}/token", datetime.now(UTC), "test")
    retired = public_name.look(name.coin, gone)
    notes.unmark(f"{RETIRING}/token")
    assert retired is not None
    assert (retired.way_back, retired.way_back_problems) == (None, ())


def test_a_first_stack_has_no_way_back_and_nothing_is_wrong_with_that(name: Name) -> None:
    with name.leading_to(name.standby.outputs["LoadBalancerDnsName"]):
        assert until(lambda: not name.look().problems)
        seen = name.look()
    assert (seen.stack, seen.answers) == (str(name.standby.name), True)
    assert (seen.way_back, seen.way_back_problems) == (None, ())
    assert naming.parse(str(seen.stack)).number == 1


def test_the_note_of_a_way_back_that_nobody_can_read_is_a_problem(name: Name) -> None:
    at = name.standpoint()
    notes = Notes(at.store, Key("seen", "prod", REGION, "unreadable"), 1)
    notes.settle("way-back", "{}")
    live = replace(name.live, tags={**name.live.tags, "rollout": notes.id})
    seen = public_name.look(name.coin, replace(at, stacks={**at.stacks, live.name: live}))
    assert seen is not None
    assert f"the way back of {live.name} can't be read" in seen.way_back_problems[0]
