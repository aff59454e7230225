"""A client that never stops asking and never retries: it resolves the name, keeps to the TTL, and counts every answer.

``python -m coinquery.local.demo.client NAME PORT NAME_SERVER CA_BUNDLE`` asks until SIGTERM or SIGINT, then prints one
JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS = 20
#: Seconds between two requests of one connection, and how long one may take.
PAUSE, TIMEOUT = 0.05, 10.0


class Report(msgspec.Struct, kw_only=True):
    """What a client saw: ``commits`` counts the answers by commitHash, ``problems`` says why requests were lost."""

    sent: int
    lost: int
    commits: dict[str, int]
    problems: dict[str, int]


@dataclass
class Resolver:
    """Answers from one DNS server, kept for exactly their TTL."""

    server: str
    name: str
    _address: str = ""
    _until: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def address(self) -> str:
        """The address to connect to now."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._address, ttl = await self._ask()
                self._until = time.monotonic() + ttl
            return self._address

    async def _ask(self) -> tuple[str, int]:
        import dns.asyncquery
        import dns.message
        import dns.rdatatype

        host, _, port = self.server.partition(":")
        reply = await dns.asyncquery.udp(dns.message.make_query(self.name, "A"), host, timeout=5, port=int(port or 53))
        answers = [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A]
        if not answers:
            raise LookupError(f"{self.name} has no address")
        return str(next(iter(answers[0]))), answers[0].ttl


class Client:
    """Connections that ask ``https://name/info`` again and again."""

    def __init__(self, name: str, port: int, server: str, ca_bundle: str) -> None:
        self._resolver = Resolver(server, name)
        self._name = name
        self._port = port
        self._tls = ssl.create_default_context(cafile=ca_bundle)
        self.sent = 0
        self.commits: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()

    def report(self) -> Report:
        """What was seen so far."""
        lost = sum(self.problems.values())
        return Report(sent=self.sent, lost=lost, commits=dict(self.commits), problems=dict(self.problems))

    async def ask_until(self, stop: asyncio.Event, connections: int = CONNECTIONS) -> None:
        """Ask over that many connections until told to stop; the last requests are waited for."""
        await asyncio.gather(*(self._connection(stop) for _ in range(connections)))

    async def _connection(self, stop: asyncio.Event) -> None:
        """One connection at a time: a new one only when the name leads elsewhere."""
        import aiohttp

        session, at = None, ""
        try:
            while not stop.is_set():
                address = await self._address()
                if address and (session is None or address != at):
                    if session is not None:
                        await session.close()
                    session, at = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)), address
                if address and session is not None:
                    await self._request(session, address)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)
        finally:
            if session is not None:
                await session.close()

    async def _address(self) -> str:
        """Where to connect to; ``""`` where the name has no address, which is a lost request."""
        import dns.exception

        try:
            return await self._resolver.address()
        except (dns.exception.DNSException, OSError, LookupError) as error:
            self.sent += 1
            self.problems[f"{type(error).__name__}: {error}"] += 1
            return ""

    async def _request(self, session: aiohttp.ClientSession, address: str) -> None:
        import aiohttp

        self.sent += 1
        try:
            async with session.get(
                f"https://{address}:{self._port}/info",
                headers={"Host": self._name},
                server_hostname=self._name,
                ssl=self._tls,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            ) as answer:
                body = await answer.json()
                if answer.status == 200:
                    self.commits[str(body["result"]["commitHash"])] += 1
                else:
                    self.problems[f"HTTP {answer.status}"] += 1
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            self.problems[f"{type(error).__name__}: {error}"] += 1


async def _main(arguments: argparse.Namespace) -> Report:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = Client(arguments.name, arguments.port, arguments.server, arguments.ca_bundle)
    await client.ask_until(stop)
    return client.report()


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("port", type=int)
    parser.add_argument("server")
    parser.add_argument("ca_bundle")
    report = asyncio.run(_main(parser.parse_args()))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
