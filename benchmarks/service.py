"""Requests a second of the service and of nginx, in one run: ``/info``, and calls forwarded to a fast upstream.

Needs ``wrk`` and ``nginx`` on PATH. Run: ``python benchmarks/service.py [--runs 5] [--seconds 5]``.

The service stands in front of a real node (anvil) for ``/info`` and in front of the upstream for forwarded calls; nginx
returns the same bytes as ``/info`` and passes calls to the same upstream over kept connections. Each is one process.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from coinquery.local import toolchain

CONNECTIONS = 64
CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
REPLY = '{"jsonrpc":"2.0","id":1,"result":"0x121eac0"}'

WRK_POST = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{CALL}'
"""

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/{name}.pid;
error_log {folder}/{name}.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    default_type application/json;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
    {http}
}}
"""

UPSTREAM = "server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 '{reply}'; }} }}"

FRONT = """
    upstream node {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = /info {{ return 200 '{info}'; }}
        location / {{
            proxy_pass http://node;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
"""


@dataclass(frozen=True)
class Measured:
    """What wrk saw in one run: requests a second, and the latency that 99 of 100 requests kept, as wrk prints it."""

    rate: float
    p99: str


def main() -> None:
    """Start all parts on loopback, measure them in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    for program in ("wrk", "nginx"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as parts:
        targets = start(parts, Path(folder))
        runs = [{name: measure(url, script, options.seconds) for name, (url, script) in targets.items()}
                for _ in range(options.runs)]  # fmt: skip
    report(runs)


def start(parts: ExitStack, folder: Path) -> dict[str, tuple[str, Path | None]]:
    """The four things to measure: name -> URL and the script with which wrk asks it."""
    node, upstream, front, beside_node, beside_upstream = (free_port() for _ in range(5))
    parts.enter_context(running(str(toolchain.anvil()), "--port", str(node), "--block-time", "1", "--silent"))
    parts.enter_context(nginx(folder, "upstream", UPSTREAM.format(port=upstream, reply=REPLY)))
    await_port(node)
    parts.enter_context(service(node, beside_node))
    parts.enter_context(service(upstream, beside_upstream))
    await_port(beside_node)
    with urllib.request.urlopen(f"http://127.0.0.1:{beside_node}/info", timeout=10) as answer:
        info = answer.read().decode()
    parts.enter_context(nginx(folder, "front", FRONT.format(port=front, upstream=upstream, info=info)))
    for port in (front, beside_upstream):
        await_port(port)
    post = folder / "post.lua"
    post.write_text(WRK_POST)
    return {
        "/info, service": (f"http://127.0.0.1:{beside_node}/info", None),
        "/info, nginx": (f"http://127.0.0.1:{front}/info", None),
        "forwarded, service": (f"http://127.0.0.1:{beside_upstream}/", post),
        "forwarded, nginx": (f"http://127.0.0.1:{front}/", post),
    }


def measure(url: str, script: Path | None, seconds: int) -> Measured:
    """One run of wrk; an answer that is not 200 or a broken connection ends the benchmark."""
    asking = ["-s", str(script)] if script else []
    command = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *asking, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{url} failed under load:\n{said}")
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+(\S+)", said)
    if rate is None or p99 is None:
        raise SystemExit(f"wrk said something else:\n{said}")
    return Measured(float(rate[1]), p99[1])


def report(runs: list[dict[str, Measured]]) -> None:
    """Medians with their spread, the median run's p99, and the ratio of the service to nginx."""
    medians = {}
    for name in runs[0]:
        by_rate = sorted((run[name] for run in runs), key=lambda measured: measured.rate)
        medians[name] = statistics.median(measured.rate for measured in by_rate)
        spread = f"{by_rate[0].rate:,.0f}-{by_rate[-1].rate:,.0f}"
        print(f"{name:20} {medians[name]:>9,.0f} req/s ({spread}), p99 {by_rate[len(by_rate) // 2].p99}")
    for what in ("/info", "forwarded"):
        print(f"{what:20} service / nginx = {medians[f'{what}, service'] / medians[f'{what}, nginx']:.3f}")


def service(node: int, port: int) -> AbstractContextManager[None]:
    """The service in front of a node's port."""
    return running(
        sys.executable, "-m", "coinquery.service", "--coin", "eth", "--dialect", "evm", "--chain", "31337",
        "--tolerance", "60", "--release", "v1.0.0", "--node", f"http://127.0.0.1:{node}",
        "--listen", f"127.0.0.1:{port}",
    )  # fmt: skip


def nginx(folder: Path, name: str, http: str) -> AbstractContextManager[None]:
    """An nginx of our own, with nothing of the system's configuration."""
    configuration = folder / f"{name}.conf"
    configuration.write_text(NGINX.format(folder=folder, name=name, http=http))
    return running("nginx", "-p", str(folder), "-e", str(folder / f"{name}.log"), "-c", str(configuration))


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A program, ended with the benchmark."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
