"""Records: compare-and-swap, the way back, and what can't be switched, on the local Route 53 (I8, I9)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.aws import Aws
from coinquery.config import Level
from coinquery.dns.names import Names, Standing
from coinquery.dns.record import Alias, canonical
from coinquery.dns.zone import Zone, same
from coinquery.errors import BadConfiguration, RecordMoved, RecordUnfit
from tests.worlds import World

_HOSTS = (f"dns{number}.example.com" for number in count(1))
BALANCER_ZONE = "Z35SXDOTRQ7X7K"


def _alias(name: str, target: str) -> Alias:
    return Alias(name=f"{name}.", target=f"{target}.us-east-1.elb.amazonaws.com.", target_zone=BALANCER_ZONE)


@pytest.fixture(scope="module")
def zones(world: World) -> dict[str, str]:
    found = world.aws.route53().list_hosted_zones()["HostedZones"]
    return {zone["Name"]: zone["Id"].rpartition("/")[2] for zone in found}


@pytest.fixture
def zone(world: World, zones: dict[str, str]) -> Zone:
    return Zone(world.aws.route53(), zones["example.com."])


@pytest.fixture
def name() -> str:
    return next(_HOSTS)


def test_a_name_without_a_record_is_nothing(zone: Zone, name: str) -> None:
    assert zone.read(name) is None


def test_i9_a_swap_moves_exactly_what_was_read(zone: Zone, name: str) -> None:
    one, two = _alias(name, "one"), _alias(name, "two")
    assert zone.swap(name, None, one, "first")
    assert zone.read(name) == one
    assert zone.swap(name, one, two, "second")
    assert same(zone.read(name), two)


def test_i9_the_second_of_two_is_told_where_the_record_points(zone: Zone, name: str) -> None:
    one, two, three = (_alias(name, target) for target in ("one", "two", "three"))
    zone.swap(name, None, one, "")
    zone.swap(name, one, two, "the winner")
    with pytest.raises(RecordMoved, match=r"points to two\.us-east-1"):
        zone.swap(name, one, three, "the loser")
    assert same(zone.read(name), two)


def test_i12_a_batch_that_is_replayed_after_a_lost_answer_is_recognised(zone: Zone, name: str) -> None:
    one, two = _alias(name, "one"), _alias(name, "two")
    zone.swap(name, None, one, "")
    assert zone.swap(name, one, two, "it took effect")
    assert zone.swap(name, one, two, "and was sent again") == ""
    assert same(zone.read(name), two)


def test_i9_who_comes_between_the_read_and_the_batch_is_not_overwritten(world: World, zone: Zone, name: str) -> None:
    one, two, three = (_alias(name, target) for target in ("one", "two", "three"))
    zone.swap(name, None, one, "")
    racing = Aws().route53()

    def somebody(**_: object) -> None:
        zone.swap(name, one, two, "in between")

    racing.meta.events.register_first("before-call.route-53.ChangeResourceRecordSets", somebody)
    with pytest.raises(RecordMoved, match="points to two"):
        Zone(racing, zone.id).swap(name, one, three, "too late")
    assert same(zone.read(name), two)


def test_i8_a_move_is_one_batch_that_deletes_and_creates(world: World, zone: Zone, name: str) -> None:
    """So there is no moment at which the name has no record or two."""
    one, two = _alias(name, "one"), _alias(name, "two")
    zone.swap(name, None, one, "")
    batches: list[dict[str, Any]] = []
    client = world.aws.route53()
    client.meta.events.register(
        "provide-client-params.route-53.ChangeResourceRecordSets", lambda params, **_: batches.append(params)
    )
    zone.swap(name, one, two, "")
    (batch,) = batches
    assert [change["Action"] for change in batch["ChangeBatch"]["Changes"]] == ["DELETE", "CREATE"]


@pytest.mark.parametrize(
    "record",
    [
        {"Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example.org"}]},
        {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Type": "A", "TTL": 60, "SetIdentifier": "w", "Weight": 1, "ResourceRecords": [{"Value": "192.0.2.1"}]},
    ],
)
def test_a_record_of_another_shape_is_refused(world: World, zone: Zone, name: str, record: dict[str, Any]) -> None:
    change: Any = {"Action": "CREATE", "ResourceRecordSet": {"Name": name, **record}}
    world.aws.route53().change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": [change]})
    with pytest.raises(RecordUnfit, match="no single alias record"):
        zone.read(name)


def test_a_zone_must_be_ours_and_hold_the_name(world: World, zone: Zone) -> None:
    assert zone.check("public", "eth.example.com")
    with pytest.raises(BadConfiguration, match="does not belong"):
        zone.check("public", "eth.badexample.com")
    with pytest.raises(BadConfiguration, match="not in this account"):
        Zone(world.aws.route53(), "Z00000000000").check("public", "eth.example.com")
    with pytest.raises(BadConfiguration, match="is public, and"):
        zone.check("private", "eth.example.com")


def test_i6_every_name_that_leads_to_a_host_is_seen_whatever_its_type(world: World, zone: Zone) -> None:
    host = "cq-seen-0001-prod-1.us-east-1.elb.amazonaws.com"
    alias = _alias("alias.example.com", "cq-seen-0001-prod-1").record_set()
    cname = {"Name": "cname.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": host.upper()}]}
    text = {"Name": "text.example.com", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": f'"{host}"'}]}
    changes: Any = [{"Action": "CREATE", "ResourceRecordSet": each} for each in (alias, cname, text)]
    world.aws.route53().change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": changes})
    assert set(zone.leading_to(lambda to: to == host)) == {"alias.example.com", "cname.example.com"}
    with pytest.raises(BadConfiguration, match="not in this account"):
        Zone(world.aws.route53(), "Z00000000000").leading_to(bool)


@pytest.fixture
def names(world: World, zones: dict[str, str], name: str) -> Names:
    level = Level(
        regions=("us-east-1",),
        name="{coin}.example.com",
        private_name="{coin}.internal.example.com",
        public_zone=zones["example.com."],
        private_zone=zones["internal.example.com."],
        certificates={"us-east-1": "arn:aws:acm:us-east-1:000000000000:certificate/x"},
    )
    return Names(world.aws.route53(), level, name.partition(".")[0])


def _both(names: Names, target: str) -> Standing:
    assert names.private is not None
    return Standing(public=_alias(names.public.name, target), private=_alias(names.private.name, target + "-int"))


def test_i9_public_and_private_move_together(names: Names) -> None:
    nothing = Standing(public=None)
    assert set(names.move(nothing, _both(names, "one"), "")) == {"public", "private"}
    assert names.read() == _both(names, "one")
    assert names.move(nothing, _both(names, "one"), "again") == {}, "what is there is not moved"


def test_i9_if_the_public_record_can_not_be_moved_the_private_one_is_put_back(names: Names) -> None:
    one, two, other = (_both(names, target) for target in ("one", "two", "other"))
    names.move(Standing(public=None), one, "")
    names.public.zone.swap(names.public.name, one.public, other.public, "somebody else")
    with pytest.raises(RecordMoved):
        names.move(one, two, "")
    standing = names.read()
    assert standing.private == one.private, "put back"
    assert same(standing.public, other.public), "theirs"


@given(st.from_regex(r"\A[a-z0-9-]{1,20}\.us-east-1\.elb\.amazonaws\.com\Z"))
def test_an_alias_compares_as_route53_gives_it_back(host: str) -> None:
    given_back = Alias(name="eth.example.com.", target=f"dualstack.{host}.", target_zone=BALANCER_ZONE)
    assert given_back.points_to(host.upper())
    assert canonical(canonical(host)) == canonical(host)
    assert not given_back.points_to("x" + host)
