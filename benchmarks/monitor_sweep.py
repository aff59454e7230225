"""Two sweeps of the real monitor in a process of their own, on one core; prints the figures of both as JSON.

``python -m benchmarks.monitor_sweep AWS_ENDPOINT CORE AT_ONCE``. The first sweep makes its AWS clients, as in a new
Lambda function; the second has them, as in the minutes after. Open files are limited to 1,024, as in Lambda.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec

from benchmarks.monitor_fleet import REFERENCES
from benchmarks.monitor_pages import REGION
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.coins import Catalogue, Reference
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.records import Record
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch

FILES = 1024


@dataclass
class Marks:
    """Seconds on the wall and of the processor at the moments that divide a sweep."""

    began: tuple[float, float]
    listing: tuple[float, float] = (0.0, 0.0)
    listed: tuple[float, float] = (0.0, 0.0)
    looked: tuple[float, float] = (0.0, 0.0)
    ended: tuple[float, float] = (0.0, 0.0)
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def on_record(self, record: Record) -> None:
        """The latest record so far."""
        self.looked = now()
        self.verdicts[record.verdict] += 1
        if record.verdict != "healthy":
            self.reasons[record.reason] += 1

    def on_call(self, model: Any, **_: object) -> None:
        """An AWS call begins."""
        if model.name == "DescribeInstances" and self.listing == (0.0, 0.0):
            self.listing = now()

    def on_answer(self, model: Any, **_: object) -> None:
        """An AWS call was answered, and the answer read."""
        if model.name == "DescribeInstances":
            self.listed = now()

    def figures(self) -> dict[str, Any]:
        """Seconds of each part and of all: wall and processor."""
        parts = {
            "beginning": (self.began, self.listing),
            "listing": (self.listing, self.listed),
            "looking": (self.listed, self.looked),
            "ending": (self.looked, self.ended),
            "all": (self.began, self.ended),
        }
        return {name: [end - start for start, end in zip(*both, strict=True)] for name, both in parts.items()}


def now() -> tuple[float, float]:
    """Wall and processor time."""
    return time.perf_counter(), time.process_time()


def peak() -> float:
    """The most memory that this process ever had resident, in MB of 10^6 bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


def configuration() -> Configuration:
    """eth as the catalogue has it, with the references of this machine."""
    eth = Configuration.from_catalogue(Catalogue.load()).coins["eth"]
    references = tuple(Reference(shape="evm", url=url) for url in REFERENCES)
    watched = msgspec.structs.replace(eth, references=references)
    return Configuration(coins={"eth": watched}, home=REGION, regions=(REGION,))


def sweep(aws: Aws, endpoint: str, limits: Limits) -> dict[str, Any]:
    """One sweep and what was asked of AWS for it."""
    asked(endpoint)
    marks = Marks(now())
    events = aws.ec2(REGION).meta.events
    events.register("before-call", marks.on_call)
    events.register("after-call", marks.on_answer)
    Watch(
        region=REGION,
        aws=aws,
        configuration=configuration(),
        clock=SystemClock(),
        by="monitor",
        limits=limits,
        tell=lambda *_: True,
        on_record=marks.on_record,
    ).once()
    marks.ended = now()
    seen = {"verdicts": marks.verdicts, "reasons": dict(marks.reasons.most_common(3))}
    return {"seconds": marks.figures(), **seen, "aws": asked(endpoint)}


def asked(endpoint: str) -> Any:
    """What AWS was asked since the last such question."""
    with urlopen(f"{endpoint}/asked") as answer:
        return json.load(answer)


def main(endpoint: str, core: str, at_once: str) -> None:
    """Sweep twice."""
    os.sched_setaffinity(0, {int(core)})
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    environment = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ.update(environment)
    aws, limits = Aws(), Limits(at_once=int(at_once))
    cold, warm = (sweep(aws, endpoint, limits) for _ in range(2))
    print(json.dumps({"cold": cold, "warm": warm, "peak": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
