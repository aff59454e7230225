"""Under load with faults (I8): a switch, a way back and a retirement, killed between the zones, lied to, and no loss.

On the real local world, nodes and load balancers included. ``CHAOS_SEEDS`` is how often it is done, each time with
other faults.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coinquery.local.calls import Answer, Call
from coinquery.local.demo.client import Report
from tests.chaos import part
from tests.chaos.fault_kinds import Stale, mixed
from tests.chaos.proxy import Forward, Intervention, Lost
from tests.chaos.results import Row
from tests.chaos.right import ended_properly
from tests.chaos.shop import Running, Shop
from tests.loads import load
from tests.monitored import Background
from tests.teams import Team
from tests.worlds import real_world

#: How likely a call meets a fault, and by how many seconds what Route 53 shows lags.
SHARE, LATE = 0.05, 0.5
#: How often a command is run until it has ended.
TRIES = 15
IMPATIENT = {"CHAOS_IMPATIENT": "1"}


@dataclass
class Between:
    """Kills a process when one zone's batch is done and the other's is not."""

    running: Running | None = None
    killed: bool = False

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        """Pass the call on; after the first change of a record comes the end."""
        answer = await forward(call)
        if call.operation == "ChangeResourceRecordSets" and answer.status == 200 and self.running is not None:
            self.killed = True
            self.running.kill()
            raise Lost
        return answer


@dataclass
class Act:
    """One coin under load: what is done to it, what went wrong, and how many runs that took."""

    shop: Shop
    coin: str
    dice: random.Random
    runs: int = 0
    problems: list[str] = field(default_factory=list)

    def play(self) -> Report:
        """Switch, go back, and take down, while a client asks."""
        second = f"cq-{self.coin}-0002-prod"
        with load(self.shop.team, self.coin) as client:
            for command in (self.shop.deploy(self.coin, "v1.1.0"), ("rollback", self.coin, "--yes")):
                self.kill_between(command)
                self.lead(command)
            self.lead(("retire", second, "--name", second))
        if self.shop.team.stack(second) is not None:
            self.problems.append(f"{second} stands")
        return client.report()

    def kill_between(self, command: Sequence[str]) -> None:
        """Run a command and kill it between the two zones."""
        between = Between()
        for _ in range(TRIES):
            with self.shop.proxy(between, *self.faults()) as proxy:
                between.running = self.shop.start(proxy, *command, environment=IMPATIENT)
                between.running.end()
            self.runs += 1
            if between.killed:
                return
        self.problems.append(f"{command[0]} never came to its first batch")

    def lead(self, command: Sequence[str]) -> None:
        """Run a command until it ends well, as its messages say."""
        for _ in range(TRIES):
            ran = self.shop.run(*command, interventions=tuple(self.faults()), environment=IMPATIENT)
            self.runs += 1
            if ran.is_at_its_end:
                return
            self.problems += [f"{command[0]}: {each}" for each in ended_properly(ran, (1, 3, 4))]
            time.sleep(1)
        self.problems.append(f"{command[0]} did not come through: {ran.said[-600:]}")

    def faults(self) -> Iterator[Intervention]:
        """Faults of the catalogue, and reads of records that lag."""
        yield Stale(LATE, frozenset({"route53"}))
        yield mixed(self.dice.random, self.dice.choice, SHARE)


def once(shop: Shop, seed: int) -> Row:
    """One coin's act, with the faults of that seed."""
    coin = shop.team.coin(f"load{seed}", instances=2)
    shop.team.deploy(coin, "v1.0.0")
    act = Act(shop, coin, random.Random(seed))
    report = act.play()
    problems = [*act.problems, *(f"{times} lost: {why}" for why, times in report.problems.items())]
    if set(report.commits) != set(shop.team.commits.values()):
        problems.append(f"the client saw {report.commits}")
    part.say(f"seed {seed}: {act.runs} runs, {report.sent} requests, {report.lost} lost, {report.commits}")
    what = f"under load, killed between the zones, faults of seed {seed}: {report.sent} requests, {report.lost} lost"
    right = report.sent - report.lost if not act.problems and len(report.commits) == 2 else 0
    return Row(command="deploy, rollback, retire", what=what, tried=report.sent, right=right, problems=problems)


def run() -> Iterator[Row]:
    """All of it."""
    background = Background()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, real_world(Path(folder) / "world") as world:
        (Path(folder) / "team").mkdir()
        shop = Shop(Team.form(world, Path(folder) / "team"), background)
        for seed in range(int(os.environ.get("CHAOS_SEEDS", "2"))):
            yield once(shop, seed)
    background.close()


if __name__ == "__main__":
    part.main("load", lambda: list(run()))
