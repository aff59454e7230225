"""The public name as the world sees it: each authoritative server's answer, then HTTPS to every address in it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from coinquery.dns.at_once import at_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coinquery.dns.https import Reply

#: Seconds for the answers of all servers together, and for each HTTPS request.
DNS_TIMEOUT, HTTP_TIMEOUT = 5.0, 10.0
#: How many addresses of one answer are believed; a load balancer's has at most 8.
MOST_ADDRESSES = 16
#: The longest text that is taken over from a reply, in characters.
LONGEST_TEXT = 64


@dataclass(frozen=True)
class Answer:
    """What one authoritative server says of a name: addresses and TTL in seconds, or why there are none.

    ``reached`` is whether it answered at all. Addresses with a ``problem`` are not its own word: a cache on the way may
    have answered for it.
    """

    server: str
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    problem: str = ""
    reached: bool = True


@dataclass(frozen=True)
class Info:
    """What ``/info`` answered at one address: the commit and the stack, or why there is none.

    ``certificate_end`` is when the certificate of the connection ends; None where there was no valid one.
    """

    address: str
    commit: str | None = None
    stack: str | None = None
    problem: str = ""
    certificate_end: datetime | None = None


@dataclass(frozen=True)
class Health:
    """Whether ``/health`` answered 200 at one address: ``problem`` is what it did instead."""

    address: str
    problem: str = ""


class World:
    """Asks as a client would. ``servers`` are ``address`` or ``name``, with ``:port`` where it is not 53.

    Of names only the servers' own are asked of this machine's resolver. Timeouts are in seconds.
    """

    def __init__(
        self, https_port: int, ca_bundle: str, dns_timeout: float = DNS_TIMEOUT, http_timeout: float = HTTP_TIMEOUT
    ) -> None:
        from coinquery.dns.https import Https

        self._https = Https(https_port, ca_bundle, http_timeout)
        self._dns_timeout = dns_timeout

    def ask(self, servers: Sequence[str], name: str) -> list[Answer]:
        """Ask every server for the name's addresses, all at the same time."""
        deadline = time.monotonic() + self._dns_timeout
        located = at_once(_locate, servers, self._dns_timeout, lambda _: [])
        lost = [
            Answer(server, problem="its own name has no address", reached=False)
            for server, addresses in zip(servers, located, strict=True)
            if not addresses
        ]
        asked = [(server, a) for server, addresses in zip(servers, located, strict=True) for a in addresses]
        left = max(0.1, deadline - time.monotonic())
        return lost + at_once(partial(_ask, name=name, seconds=left), asked, left, lambda each: _silent(each[0]))

    def info(self, name: str, address: str) -> Info:
        """``GET https://name/info`` at that address; the certificate must be valid for the name."""
        from coinquery.dns.https import NoReply

        try:
            return _read_info(address, self._https.get(name, address, "/info"))
        except NoReply as error:
            return Info(address, problem=str(error))

    def health(self, name: str, address: str) -> Health:
        """``GET https://name/health`` at that address."""
        from coinquery.dns.https import NoReply

        try:
            status = self._https.get(name, address, "/health").status
        except NoReply as error:
            return Health(address, str(error))
        return Health(address, "" if status == 200 else f"HTTP {status}")


def _read_info(address: str, reply: Reply) -> Info:
    unreadable = partial(Info, address, certificate_end=reply.certificate_end)
    if reply.status != 200:
        return unreadable(problem=f"HTTP {reply.status}")
    try:
        result = json.loads(reply.body)["result"]
        commit, stack = result["commitHash"], result.get("stack")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return unreadable(problem="no commitHash in /info")
    if not isinstance(commit, str):
        return unreadable(problem=f"commitHash is {'null' if commit is None else type(commit).__name__}")
    return Info(address, _plain(commit), _plain(stack) if isinstance(stack, str) else None, "", reply.certificate_end)


def _plain(text: str) -> str:
    """A text of somebody else's in the characters and at the length that may stand in a message."""
    return text if len(text) <= LONGEST_TEXT and text.isprintable() else ascii(text[:LONGEST_TEXT])


def _ask(asked: tuple[str, str], name: str, seconds: float) -> Answer:
    """What a server says at one of its addresses."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype

    server, address = asked
    query = dns.message.make_query(name, "A")
    query.flags &= ~dns.flags.RD
    try:
        reply = dns.query.udp_with_fallback(query, address, timeout=seconds, port=_port(server))[0]
    except (dns.exception.Timeout, OSError):
        return _silent(server)
    except dns.exception.DNSException as error:
        return Answer(server, problem=f"no DNS: {type(error).__name__}")
    kind = (dns.rdataclass.IN, dns.rdatatype.A)
    found = [(item.address, s.ttl) for s in reply.answer if (s.rdclass, s.rdtype) == kind for item in s]
    if not found:
        return Answer(server, problem=f"no address ({dns.rcode.to_text(reply.rcode())})")
    addresses = sorted(a for a, _ in found)[:MOST_ADDRESSES]
    problem = "" if reply.flags & dns.flags.AA else "answers, but not with authority"
    return Answer(server, tuple(addresses), max(ttl for _, ttl in found), problem)


def _silent(server: str) -> Answer:
    return Answer(server, problem="no answer in time", reached=False)


def _port(server: str) -> int:
    return int(server.partition(":")[2] or 53)


def _locate(server: str) -> list[str]:
    import socket

    try:
        found = socket.getaddrinfo(server.partition(":")[0], None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})
