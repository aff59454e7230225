"""The peer: Prometheus' blackbox exporter asks the same instances for the same page, and checks the same commit.

The exporter is told what to probe by requests over kept connections, as many at a time as the monitor has; who asks
is this process, on another core, so that the exporter's core is what limits it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools
import uvloop

from benchmarks.monitor_fleet import COMMIT
from coinquery.monitor.probe import SERVICE_PORT

PROGRAM = "prometheus-blackbox-exporter"
MODULES = {
    "modules": {
        "info": {
            "prober": "http",
            "timeout": "5s",
            "http": {
                "preferred_ip_protocol": "ip4",
                "follow_redirects": False,
                "fail_if_body_not_matches_regexp": [f'"commitHash": ?"{COMMIT}"'],
            },
        }
    }
}


@dataclass(frozen=True)
class Probed:
    """One round: seconds on the wall and of the exporter's processor time, its peak of memory in MB, what succeeded."""

    wall: float
    processor: float
    peak: float
    succeeded: int


@dataclass(frozen=True)
class Exporter:
    """A running exporter."""

    process: int
    port: int

    def round(self, addresses: list[str], at_once: int) -> Probed:
        """Have every address probed once."""
        used, began = self._used(), time.perf_counter()
        succeeded = uvloop.run(_ask(self.port, addresses, at_once))
        return Probed(time.perf_counter() - began, self._used() - used, self._peak(), succeeded)

    def _used(self) -> float:
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _peak(self) -> float:
        status = Path(f"/proc/{self.process}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


@contextmanager
def running(program: str, core: int, port: int, folder: Path) -> Iterator[Exporter]:
    """An exporter on one core, ended afterwards."""
    modules = folder / "modules.json"
    modules.write_text(json.dumps(MODULES))  # JSON is YAML
    process = subprocess.Popen(
        ["taskset", "-c", str(core), program, f"--config.file={modules}", f"--web.listen-address=127.0.0.1:{port}"],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Exporter(process.pid, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


async def _ask(port: int, addresses: list[str], at_once: int) -> int:
    waiting = iter(addresses)
    askers = [_Asker(waiting, port) for _ in range(at_once)]
    loop = asyncio.get_running_loop()
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(asker.done for asker in askers))
    return sum(asker.succeeded for asker in askers)


class _Asker(asyncio.Protocol):
    """One kept connection to the exporter, which has one address after the other probed."""

    def __init__(self, waiting: Iterator[str], port: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.succeeded = 0
        self._waiting = waiting
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.succeeded += b"\nprobe_success 1\n" in self._body
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the exporter closed the connection"))

    def _next(self) -> None:
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        address = next(self._waiting, None)
        if address is None:
            self.done.set_result(None)
            self._transport.close()
            return
        target = f"http://{address}:{SERVICE_PORT}/info"
        request = f"GET /probe?module=info&target={target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n"
        self._transport.write(request.encode())
