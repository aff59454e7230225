"""The name server answers for the hosted zones as Route 53's servers would."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from dnslib import DNSRecord  # type: ignore[import-untyped]

from coinquery.local import ports
from coinquery.local.nameserver import ALIAS_TTL, Resolver, Zones
from tests.worlds import World

pytestmark = pytest.mark.local_aws
ZONE = "named.example.net"
BALANCER = "cq-eth-0001-prod-1.us-east-1.elb.amazonaws.com"


def record(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": [{"Value": v} for v in values], **more}


def alias(name: str, target: str) -> dict[str, Any]:
    where = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": target, "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": where}


@pytest.fixture(scope="module")
def zone(world: World) -> str:
    """A zone with a record set of each kind."""
    route53 = world.aws.route53()
    zone_id = route53.create_hosted_zone(Name=ZONE, CallerReference=ZONE)["HostedZone"]["Id"]
    sets = [
        record(f"plain.{ZONE}", "A", "192.0.2.1", "192.0.2.2"),
        record(f"other.{ZONE}", "CNAME", "plain.example.org"),
        record(f"deep.below.{ZONE}", "A", "192.0.2.3"),
        record(f"shared.{ZONE}", "A", "192.0.2.4", SetIdentifier="a", Weight=3),
        record(f"shared.{ZONE}", "A", "192.0.2.5", SetIdentifier="b", Weight=1),
        record(f"zero.{ZONE}", "A", "192.0.2.6", SetIdentifier="a", Weight=0),
        record(f"zero.{ZONE}", "A", "192.0.2.7", SetIdentifier="b", Weight=0),
        alias(f"eth.{ZONE}", f"dualstack.{BALANCER}."),
        alias(f"gone.{ZONE}", "none.us-east-1.elb.amazonaws.com"),
    ]
    batch: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": s} for s in sets]}
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    time.sleep(0.6)
    return zone_id


def ask(world: World, name: str, kind: str = "A", how: Any = dns.query.udp) -> dns.message.Message:
    host, port = ports.split(world.state.name_server)
    message: dns.message.Message = how(dns.message.make_query(name, kind), host, port=port, timeout=5)
    return message


def values(answer: dns.message.Message) -> list[str]:
    return sorted(str(item) for rrset in answer.answer for item in rrset)


@pytest.mark.parametrize("how", [dns.query.udp, dns.query.tcp])
def test_it_answers_with_authority_over_udp_and_tcp(world: World, zone: str, how: Any) -> None:
    answer = ask(world, f"PLAIN.{ZONE}", how=how)
    assert values(answer) == ["192.0.2.1", "192.0.2.2"]
    assert answer.flags & dns.flags.AA
    assert answer.answer[0].ttl == 30


def test_an_alias_gives_the_address_of_its_load_balancer(world: World, zone: str, tmp_path: Path) -> None:
    balancers = tmp_path / "balancers.json"
    resolver = Resolver(Zones(world.aws), balancers)

    def answers() -> list[tuple[str, int]]:
        return [(str(r.rdata), r.ttl) for r in resolver.resolve(DNSRecord.question(f"eth.{ZONE}"), None).rr]

    assert answers() == []
    balancers.write_text(json.dumps({BALANCER: "127.1.2.3", "other": "127.1.2.4"}))
    assert answers() == [("127.1.2.3", ALIAS_TTL)]


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        (f"eth.{ZONE}", "AAAA", dns.rcode.NOERROR),
        (f"gone.{ZONE}", "A", dns.rcode.NOERROR),
        (f"below.{ZONE}", "A", dns.rcode.NOERROR),
        (f"none.{ZONE}", "A", dns.rcode.NXDOMAIN),
        (f"eth.{ZONE}x", "A", dns.rcode.REFUSED),
        ("example.invalid", "A", dns.rcode.REFUSED),
    ],
)
def test_no_data_and_no_name_are_told_apart(world: World, zone: str, name: str, kind: str, code: int) -> None:
    answer = ask(world, name, kind)
    assert answer.rcode() == code
    assert not answer.answer
    authority = [rrset.rdtype for rrset in answer.authority]
    assert authority == ([] if code == dns.rcode.REFUSED else [dns.rdatatype.SOA])


def test_a_name_that_is_another_name_says_so(world: World, zone: str) -> None:
    assert values(ask(world, f"other.{ZONE}")) == ["plain.example.org."]


def test_the_zone_names_its_servers(world: World, zone: str) -> None:
    assert len(values(ask(world, ZONE, "NS"))) == 4
    assert len(values(ask(world, ZONE, "SOA"))) == 1


def test_weights_are_shares_and_all_zero_is_all_alike(world: World, zone: str) -> None:
    shares = Counter(values(ask(world, f"shared.{ZONE}"))[0] for _ in range(200))
    assert 110 < shares["192.0.2.4"] < 190  # 150 expected; beyond six standard deviations otherwise
    assert {values(ask(world, f"zero.{ZONE}"))[0] for _ in range(60)} == {"192.0.2.6", "192.0.2.7"}


def test_i8_a_change_is_seen_within_a_second(world: World, zone: str) -> None:
    old, new = record(f"moving.{ZONE}", "A", "192.0.2.8"), record(f"moving.{ZONE}", "A", "192.0.2.9")
    route53 = world.aws.route53()
    first: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": old}]}
    swap: Any = {"Changes": [{"Action": a, "ResourceRecordSet": r} for a, r in (("DELETE", old), ("CREATE", new))]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=first)
    time.sleep(1)
    assert values(ask(world, f"moving.{ZONE}")) == ["192.0.2.8"]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=swap)
    seen = set()
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        seen.add(tuple(values(ask(world, f"moving.{ZONE}"))))
    assert seen <= {("192.0.2.8",), ("192.0.2.9",)}
    assert ("192.0.2.9",) in seen
