"""One sweep over 10,000 instances that answer after 50 ms: time, memory, AWS calls; and the same work done otherwise.

``python -m benchmarks.monitor [--runs 3] [--instances 10000] [--exporter PROGRAM]`` measures in turn, in one run,

- the monitor's sweep in a process of its own on one core, of instances that all answer and with 5 % that never do;
- Prometheus' blackbox exporter on the same core, over the same instances;
- the monitor's sweep with one instance at a time, as the first system asked, over 200 instances, scaled.

Instances, AWS and whoever asks the exporter run on the other core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import monitor_peer as peer
from benchmarks.monitor_fleet import address, is_silent
from benchmarks.service import await_port, free_port
from coinquery.monitor.probe import SERVICE_PORT
from coinquery.monitor.sweep import Limits

MEASURED, OTHERS = 0, 1
SILENT_EVERY = 20
SAMPLE = 200
AT_ONCE = Limits().at_once
PARTS = ("beginning", "listing", "looking", "ending", "all")


def main() -> None:
    """Start all parts on loopback, measure them in turn, print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--exporter", default=peer.PROGRAM)
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two cores are needed: one for what is measured, one for the rest")
    os.sched_setaffinity(0, {OTHERS})
    with ExitStack() as parts:
        answering, silent, few = start(parts, options.instances)
        exporter = peer_of(parts, options.exporter)
        sweeps: dict[str, list[Any]] = {"all answer": [], "5 % never answer": []}
        rounds: dict[str, list[peer.Probed]] = {"all answer": [], "5 % never answer": []}
        for _ in range(options.runs):
            for what, endpoint, every in (("all answer", answering, 0), ("5 % never answer", silent, SILENT_EVERY)):
                sweeps[what].append(sweep(endpoint, AT_ONCE))
                if exporter is not None:
                    addresses = [address(n, is_silent(n, every)) for n in range(options.instances)]
                    rounds[what].append(exporter.round(addresses, AT_ONCE))
        one_by_one = [sweep(few, 1) for _ in range(options.runs)]
    report(options.instances, sweeps, rounds, one_by_one)


def start(parts: ExitStack, instances: int) -> tuple[str, str, str]:
    """The fleet, and the AWS of three regions: all answer, 5 % never answer, few."""
    parts.enter_context(running("benchmarks.monitor_fleet"))
    await_port(SERVICE_PORT)
    regions = []
    for count, every in ((instances, 0), (instances, SILENT_EVERY), (SAMPLE, 0)):
        port = free_port()
        parts.enter_context(running("benchmarks.monitor_aws", str(port), str(count), str(every)))
        await_port(port)
        regions.append(f"http://127.0.0.1:{port}")
    return regions[0], regions[1], regions[2]


def peer_of(parts: ExitStack, program: str) -> peer.Exporter | None:
    """The exporter, if this machine has it."""
    found = shutil.which(program)
    if found is None:
        print(f"{program} is not installed: no peer is measured", file=sys.stderr)
        return None
    folder, port = Path(parts.enter_context(tempfile.TemporaryDirectory())), free_port()
    exporter = parts.enter_context(peer.running(found, MEASURED, port, folder))
    await_port(port)
    return exporter


@contextmanager
def running(module: str, *arguments: str) -> Iterator[None]:
    """A module as a program, on the core of the others, ended with the benchmark."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments])
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def sweep(endpoint: str, at_once: int) -> dict[str, Any]:
    """Figures of the two sweeps of one process."""
    command = [sys.executable, "-m", "benchmarks.monitor_sweep", endpoint, str(MEASURED), str(at_once)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit("a sweep failed, as it says above")
    said: dict[str, Any] = json.loads(done.stdout)
    print(
        f"a sweep of {sum(said['warm']['verdicts'].values()):,} took {said['warm']['seconds']['all'][0]:.2f} s",
        file=sys.stderr,
    )
    return said


def report(
    instances: int, sweeps: dict[str, list[Any]], rounds: dict[str, list[peer.Probed]], one_by_one: list[Any]
) -> None:
    """Medians with smallest and largest of everything, and what AWS was asked."""
    for what, runs in sweeps.items():
        seen = runs[0]["warm"]
        print(f"\nsweep, {instances:,} instances, {what}: {seen['verdicts']} {seen['reasons'] or ''}")
        for part in PARTS:
            print_seconds(f"  {part}", [run["warm"]["seconds"][part] for run in runs])
        print_seconds("  all, cold start", [run["cold"]["seconds"]["all"] for run in runs])
        print(f"  peak memory      {spread([run['peak'] for run in runs])} MB")
        print_calls(runs[0]["warm"]["aws"])
    for what, probed in rounds.items():
        if probed:
            print(f"\nblackbox exporter, {what}: {probed[0].succeeded} of {instances:,} probes succeeded")
            print_seconds("  looking", [[one.wall, one.processor] for one in probed])
            print(f"  peak memory      {spread([one.peak for one in probed])} MB")
    print(f"\none after the other, {SAMPLE} instances: {one_by_one[0]['warm']['verdicts']}")
    looking = [run["warm"]["seconds"]["looking"] for run in one_by_one]
    print_seconds("  looking", looking)
    scaled = instances / SAMPLE
    print_seconds(f"  times {scaled:g}", [[wall * scaled, processor * scaled] for wall, processor in looking])


def print_seconds(name: str, runs: list[list[float]]) -> None:
    """Wall and processor seconds of several runs."""
    walls, processors = zip(*runs, strict=True)
    print(f"{name:<18} {spread(walls)} s, processor {spread(processors)} s")


def spread(values: Any) -> str:
    """The median, with the smallest and the largest."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def print_calls(aws: dict[str, Any]) -> None:
    """AWS calls by operation, beside the fewest that the same answers take."""
    fewest = {**aws["pages"], "GetStackPolicy": aws["stacks"], "PutLogEvents": aws["stacks"] + 3}
    print("  AWS calls        made  fewest")
    for operation, count in sorted(aws["asked"].items()):
        print(f"    {operation:<24} {count:>5} {fewest.get(operation, 1):>5}")
    print(f"  unexpected       {aws['unexpected'] or 'none'}")
    for kind, lines in aws["lines"].items():
        print(f"  lines, {kind:<10} {lines:>6}, {aws['bytes'][kind] / max(1, lines):,.0f} bytes each")


if __name__ == "__main__":
    main()
