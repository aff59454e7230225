"""The public name as the world sees it: each authoritative server's answer, then HTTPS to every address in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DNS_TIMEOUT, HTTP_TIMEOUT = 3.0, 10.0
LARGEST_INFO = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What one authoritative server says of a name: addresses and TTL in seconds, or why there are none."""

    server: str
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Info:
    """What ``/info`` answered at one address: the commit and the stack, or why there is none."""

    address: str
    commit: str | None = None
    stack: str | None = None
    problem: str = ""


class World:
    """Asks as a client would. ``servers`` are ``address`` or ``name``, with ``:port`` where it is not 53."""

    def __init__(self, https_port: int, ca_bundle: str) -> None:
        self._port = https_port
        self._ca_bundle = ca_bundle

    def ask(self, servers: Sequence[str], name: str) -> list[Answer]:
        """Ask every server for the name's addresses."""
        return [answer for server in servers for answer in _ask(server, name)]

    def info(self, name: str, address: str) -> Info:
        """``GET https://name/info`` at that address; the certificate must be valid for the name."""
        import urllib3

        pool = urllib3.HTTPSConnectionPool(
            address,
            self._port,
            server_hostname=name,
            assert_hostname=name,
            cert_reqs="CERT_REQUIRED",
            ca_certs=self._ca_bundle or None,
            timeout=HTTP_TIMEOUT,
            retries=False,
        )
        host = name if self._port == 443 else f"{name}:{self._port}"
        try:
            answer = pool.request("GET", "/info", headers={"Host": host}, redirect=False, preload_content=False)
            return _read_info(address, answer.status, answer.read(LARGEST_INFO))
        except urllib3.exceptions.HTTPError as error:
            return Info(address, problem=_first_line(error))
        finally:
            pool.close()


def _read_info(address: str, status: int, body: bytes) -> Info:
    if status != 200:
        return Info(address, problem=f"HTTP {status}")
    try:
        result = json.loads(body)["result"]
        commit, stack = result["commitHash"], result.get("stack")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Info(address, problem="no commitHash in /info")
    if not isinstance(commit, str):
        return Info(address, problem=f"commitHash is {commit!r}")
    return Info(address, commit, stack if isinstance(stack, str) else None)


def _ask(server: str, name: str) -> list[Answer]:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode

    host, _, port = server.partition(":")
    answers = []
    for address in _addresses(host):
        query = dns.message.make_query(name, "A")
        query.flags &= ~dns.flags.RD
        try:
            reply = dns.query.udp_with_fallback(query, address, timeout=DNS_TIMEOUT, port=int(port or 53))[0]
        except (dns.exception.DNSException, OSError) as error:
            answers.append(Answer(server, problem=_first_line(error) or type(error).__name__))
            continue
        found = [(item.address, rrset.ttl) for rrset in reply.answer if rrset.rdtype == 1 for item in rrset]
        if found:
            answers.append(Answer(server, tuple(sorted(a for a, _ in found)), max(ttl for _, ttl in found)))
        else:
            answers.append(Answer(server, problem=f"no address ({dns.rcode.to_text(reply.rcode())})"))
    return answers


def _addresses(host: str) -> list[str]:
    import socket

    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return [host]
    return sorted({str(entry[4][0]) for entry in found})


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
