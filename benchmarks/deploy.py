"""AWS calls of one deploy, by service and operation, and where its time goes, on the AWS of one machine.

``python benchmarks/deploy.py [RUNS]`` brings up a world of its own and prints medians of several deploys.
"""

from __future__ import annotations

import contextlib
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coinquery import config as configuration
from coinquery.aws import Aws
from coinquery.bootstrap.plan import make_plan as bootstrap_plan
from coinquery.clock import SystemClock
from coinquery.local import environment, images, world
from coinquery.local.demo.repository import Repository
from coinquery.local.environment import HOME_REGION
from coinquery.local.state import State
from coinquery.releases.create import create
from coinquery.releases.git import Git
from coinquery.rollout import deploy
from coinquery.rollout.means import gather
from coinquery.rollout.run import Run

COIN, BLOCK = "eth", 96


class SilentProgress:
    """Shows nothing."""

    def began(self, *_: object) -> None:
        """Nothing."""

    def saw(self, *_: object) -> None:
        """Nothing."""

    def ended(self, *_: object) -> None:
        """Nothing."""

    def stopped(self, *_: object) -> None:
        """Nothing."""


@dataclass
class MeteredClock(SystemClock):
    """Counts what is slept."""

    slept: float = 0.0

    def sleep(self, seconds: float) -> None:
        """Wait, and count it."""
        self.slept += seconds
        super().sleep(seconds)


@dataclass
class Meter:
    """Counts the calls of an ``Aws`` and the time until their answers."""

    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _begun: float = 0.0

    def watch(self, aws: Aws) -> None:
        """Watch every client that is made from now on."""
        aws.sts(HOME_REGION)
        events: Any = aws._session.events
        events.register("before-call", self._before)
        events.register("after-call", self._after)

    def _before(self, model: Any, **_: object) -> None:
        self.calls[f"{model.service_model.service_name} {model.name}"] += 1
        self._begun = time.perf_counter()

    def _after(self, **_: object) -> None:
        self.seconds += time.perf_counter() - self._begun


@dataclass(frozen=True)
class Figures:
    """One deploy: seconds on the wall, asleep between looks, in AWS calls, of processor time; calls by name."""

    wall: float
    asleep: float
    aws: float
    processor: float
    calls: Counter[str]


def measure(repository: Repository, tag: str) -> Figures:
    """Deploy a release and meter it."""
    aws, clock, meter = Aws(), MeteredClock(), Meter()
    meter.watch(aws)
    config = configuration.load()
    used, begun = _processor(), time.perf_counter()
    means = gather(aws, config, clock, COIN, "prod")
    planned = deploy.make_plan(means, Git(repository.folder), deploy.Order(COIN, tag, "prod", HOME_REGION))
    deploy.carry_out(planned, means, Run(clock, SilentProgress(), config.waits.poll), new=False)
    wall = time.perf_counter() - begun
    return Figures(wall, clock.slept, meter.seconds, _processor() - used, meter.calls)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Bring up a world, deploy several releases one after the other, print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder, "world"), BLOCK)
        try:
            world.up(state, lambda _: None)
            environment.enter(state)
            figures = [measure(*release) for release in _releases(state, Path(folder), runs)]
        finally:
            world.down(state)
    _print(figures)


def _releases(state: State, folder: Path, runs: int) -> list[tuple[Repository, str]]:
    config, clock = configuration.load(), SystemClock()
    Run(clock, SilentProgress(), config.waits.poll).carry_out(bootstrap_plan(Aws(), config, HOME_REGION))
    repository, made = Repository.create(folder), []
    for number in range(runs):
        tag = f"v1.{number}.0"
        repository.change(tag)
        create(Git(repository.folder), COIN, tag, config.catalogue, config.remote, config.production_branch)
        images.build_service(state, HOME_REGION, repository.folder, repository.head())
        made.append((repository, tag))
    return made


def _print(figures: list[Figures]) -> None:
    for name in ("wall", "asleep", "aws", "processor"):
        values = [getattr(one, name) for one in figures]
        print(f"{name:<10} {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f})")
    print(f"calls      {statistics.median(sum(one.calls.values()) for one in figures):6.0f}")
    names = sorted({name for one in figures for name in one.calls})
    for name in names:
        print(f"  {name:<48} {statistics.median(one.calls[name] for one in figures):4.0f}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
