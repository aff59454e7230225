"""A DNS server that answers for the hosted zones of a local world, as Route 53's name servers do, over UDP and TCP.

Unlike on AWS, one server answers for public and private zones: one machine is both inside and outside of the VPC.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dnslib import (  # type: ignore[import-untyped]
    AAAA,
    CNAME,
    NS,
    QTYPE,
    RCODE,
    RD,
    RR,
    SOA,
    TXT,
    A,
    DNSRecord,
)
from dnslib.server import BaseResolver, DNSServer  # type: ignore[import-untyped]

from coinquery.aws import Aws, pages
from coinquery.local import ports

#: Seconds that an answer for an alias may be kept. AWS's is 60; a switch on one machine should not take that long.
ALIAS_TTL = 2
#: Seconds for which what Route 53 said is believed.
FRESH = 0.5


def _soa(text: str) -> SOA:
    server, mailbox, *times = text.split()
    return SOA(server, mailbox, [int(t) for t in times])


_READERS = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS, "SOA": _soa, "TXT": lambda text: TXT(text.strip('"'))}
_Sets = list[Mapping[str, Any]]


class Zones:
    """The record sets of every hosted zone, read when asked for; ``zone`` finds the one that a name lies in."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._lock = threading.Lock()
        self._read_at = -FRESH
        self._zones: dict[str, _Sets] = {}

    def zone(self, name: str) -> tuple[str, _Sets] | None:
        """The longest zone that ``name`` (with its trailing dot) lies in, and its record sets."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH:
                self._zones = self._read()
                self._read_at = time.monotonic()
            zones = self._zones
        within = [zone for zone in zones if name == zone or name.endswith("." + zone)]
        longest = max(within, key=len, default=None)
        return None if longest is None else (longest, zones[longest])

    def _read(self) -> dict[str, _Sets]:
        """All zones; of two with one name the public one, which is what the world sees."""
        route53 = self._aws.route53()
        found = sorted(pages(route53, "list_hosted_zones", "HostedZones"), key=lambda z: not z["Config"]["PrivateZone"])
        sets = partial(pages, route53, "list_resource_record_sets", "ResourceRecordSets")
        return {zone["Name"]: list(sets(HostedZoneId=zone["Id"])) for zone in found}


class Resolver(BaseResolver):  # type: ignore[misc]
    """Answers questions from the zones; ``balancers`` is the file of load balancers' names and addresses."""

    def __init__(self, zones: Zones, balancers: Path) -> None:
        self._zones = zones
        self._balancers = balancers

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:  # noqa: ARG002 - dnslib's signature
        """Answer one question."""
        reply = request.reply(ra=0)
        name, kind = str(request.q.qname).lower(), QTYPE.get(request.q.qtype)
        found = self._zones.zone(name)
        if found is None:
            reply.header.aa, reply.header.rcode = 0, RCODE.REFUSED
            return reply
        zone, sets = found
        reply.add_answer(*self._answers(name, kind, sets))
        if not reply.rr:
            reply.add_auth(*_records(zone, "SOA", sets))
            if not any(s["Name"] == name or s["Name"].endswith("." + name) for s in sets):
                reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def _answers(self, name: str, kind: str, sets: _Sets) -> list[RR]:
        here = [s for s in sets if s["Name"] == name]
        chosen = _choose([s for s in here if s["Type"] == kind] or [s for s in here if s["Type"] == "CNAME"])
        if chosen is None:
            return []
        if "AliasTarget" in chosen:
            return [RR(name, QTYPE.A, ttl=ALIAS_TTL, rdata=A(a)) for a in self._balancer(chosen) if kind == "A"]
        return _records(name, chosen["Type"], [chosen])

    def _balancer(self, alias: Mapping[str, Any]) -> list[str]:
        """The address of the load balancer that an alias names, none if there is no such load balancer."""
        target = alias["AliasTarget"]["DNSName"].lower().rstrip(".").removeprefix("dualstack.")
        try:
            addresses = json.loads(self._balancers.read_text("utf-8"))
        except FileNotFoundError:
            return []
        return [addresses[target]] if target in addresses else []


def _choose(sets: _Sets) -> Mapping[str, Any] | None:
    """The simple set, or one of the weighted ones by weight; if all weights are 0, all are used alike."""
    if not sets:
        return None
    weights = [s.get("Weight", 1) for s in sets]
    return random.choices(sets, weights if any(weights) else None)[0]  # noqa: S311 - a share, not a secret


def _records(name: str, kind: str, sets: Sequence[Mapping[str, Any]]) -> list[RR]:
    reader = _READERS.get(kind, RD)
    return [
        RR(name, getattr(QTYPE, kind), ttl=s.get("TTL", ALIAS_TTL), rdata=reader(record["Value"]))
        for s in sets
        if s["Name"] == name and s["Type"] == kind
        for record in s.get("ResourceRecords", ())
    ]


def main() -> None:
    """Serve at the address given, with load balancers' addresses from the file given."""
    address, balancers = sys.argv[1:]
    host, port = ports.split(address)
    resolver = Resolver(Zones(Aws()), Path(balancers))
    DNSServer(resolver, address=host, port=port).start_thread()
    DNSServer(resolver, address=host, port=port, tcp=True).start()


if __name__ == "__main__":
    main()
