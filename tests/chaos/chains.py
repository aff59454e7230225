"""Chains of commands on one coin, each killed where it is told to be, carried on, and compared with undisturbed ones.

A coin's life is a chain: what one command leaves is what the next begins with, so that a way back needs no deploy of
its own. After each command the account must be that of a chain that nobody disturbed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coinquery.retirement.break_glass import CLAIM, TOLD
from coinquery.rollout.steps import announce
from coinquery.stacks import inventory
from coinquery.stacks.protection import Protector
from tests.chaos.account import Account, differences
from tests.chaos.points import AFTER, Point, Watch
from tests.chaos.proxy import between
from tests.chaos.shop import Ran, Shop
from tests.teams import REGION

#: How often a command is run again until it ends well, and how long after it was refused or not finished.
RUNS, PAUSE = 12, 1.0
#: Exit codes: time is up; a guard said no, which a rung that waits does for now.
NOT_FINISHED, REFUSED = 4, 3
#: The notes that are kept before and after Slack is told something.
TELLINGS = ((announce.CLAIM, announce.DONE), (CLAIM, TOLD))


@dataclass(frozen=True)
class Command:
    """``words`` makes the command line for a coin, ``stack`` is the one it is about.

    ``waits`` is whether a guard may refuse it for now.
    """

    title: str
    stack: str
    words: Callable[[str], tuple[str, ...]]
    waits: bool = False


def _deploy(release: str, level: str = "prod") -> Callable[[str], tuple[str, ...]]:
    return lambda coin: ("deploy", coin, "--release", release, "--level", level, "--region", REGION, "--yes")


def _retire(number: str, *more: str) -> Callable[[str], tuple[str, ...]]:
    return lambda coin: ("retire", f"cq-{coin}-{number}-prod", "--name", f"cq-{coin}-{number}-prod", *more)


FIRST = Command("deploy", "cq-COIN-0001-prod", _deploy("v1.0.0"))
SECOND = Command("deploy with a way back", "cq-COIN-0002-prod", _deploy("v1.1.0"))
BACK = Command("rollback", "cq-COIN-0002-prod", lambda coin: ("rollback", coin, "--yes"))
RETIRE = Command("retire", "cq-COIN-0002-prod", _retire("0002"), waits=True)
GLASS = Command(
    "retire --break-glass", "cq-COIN-0001-prod", _retire("0001", "--break-glass", "to see that it can be"), waits=True
)
BELOW = Command("deploy below production", "cq-COIN-0001-dev", _deploy("v1.0.0", "dev"))

CHAINS: dict[str, tuple[Command, ...]] = {
    "back": (FIRST, SECOND, BACK, RETIRE),
    "glass": (FIRST, SECOND, GLASS),
    "below": (BELOW,),
}


@dataclass(frozen=True)
class Kills:
    """Where one command of a chain is killed: its runs one after the other, none for a run that nobody disturbs."""

    command: str
    points: tuple[Point, ...]

    def __str__(self) -> str:
        return f"{self.command}, killed {' and then '.join(map(str, self.points))}"


@dataclass
class Result:
    """``problems`` is empty if all was right; ``missed`` are the points that the runs did not come to.

    ``carried_on`` are the points of the run that came after the last kill, and to the end.
    """

    kills: Kills
    problems: list[str] = field(default_factory=list)
    missed: list[Point] = field(default_factory=list)
    carried_on: list[Point] = field(default_factory=list)


@dataclass
class Chains:
    """Runs chains in one shop.

    ``right`` holds what an undisturbed chain leaves after each of its commands, ``passed`` the points of each command.
    """

    shop: Shop
    right: dict[tuple[str, int], Account] = field(default_factory=dict)
    passed: dict[str, list[Point]] = field(default_factory=dict)

    def undisturbed(self, chain: str) -> list[str]:
        """Run a chain that nobody disturbs and keep what it leaves and passes; return what went wrong."""
        coin = self.shop.coin()
        for turn, command in enumerate(CHAINS[chain]):
            passed: list[Point] = []
            ran = self._to_the_end(command, coin, passed)
            if not ran.is_at_its_end:
                return [f"{command.title}: exit {ran.code}: {ran.said[-800:]}"]
            self.right[chain, turn] = Account.of(self.shop, coin)
            self.passed.setdefault(command.title, passed)
        clean_up(self.shop, coin)
        return []

    def disturbed(self, chain: str, kills: Sequence[Kills]) -> list[Result]:
        """Run a chain, its commands killed as told; the results of those that were run: it ends where one is wrong."""
        coin, results, told_again = self.shop.coin(), [], set()
        for turn, (command, kill) in enumerate(zip(CHAINS[chain], kills, strict=False)):
            result = Result(kill)
            results.append(result)
            for point in kill.points:
                ran, watch = self._past_waiting(command, coin, point)
                if not watch.reached:
                    result.missed.append(point)
                if slack_may_repeat(watch.passed, point):
                    told_again.add(command.stack)
                refused = command.waits and ran.code == REFUSED
                if ran.code not in (-9, NOT_FINISHED) and not refused and not ran.is_at_its_end:
                    result.problems.append(f"exit {ran.code}: {ran.said[-800:]}")
            ran = self._to_the_end(command, coin, result.carried_on)
            if not ran.is_at_its_end:
                result.problems.append(f"it does not come to its end: exit {ran.code}: {ran.said[-800:]}")
            found = Account.of(self.shop, coin)
            result.problems += differences(self.right[chain, turn], found, frozenset(told_again))
            if result.problems:
                break
        clean_up(self.shop, coin)
        return results

    def _to_the_end(self, command: Command, coin: str, passed: list[Point] | None = None) -> Ran:
        """Run the command until it ends well, as a person does who reads what it says."""
        for _ in range(RUNS):
            ran, watch = self._past_waiting(command, coin)
            if ran.code != NOT_FINISHED:
                break
            time.sleep(PAUSE)
        if passed is not None:
            passed += watch.passed
        return ran

    def _past_waiting(self, command: Command, coin: str, kill_at: Point | None = None) -> tuple[Ran, Watch]:
        """Run the command until no rung that waits refuses it, or it is killed at its point."""
        for _ in range(RUNS):
            ran, watch = run(self.shop, command, coin, kill_at)
            if watch.reached or not (command.waits and ran.code == REFUSED):
                break
            time.sleep(PAUSE)
        return ran, watch


def run(shop: Shop, command: Command, coin: str, kill_at: Point | None = None) -> tuple[Ran, Watch]:
    """One run in a process of its own, killed at a point if it comes there."""
    watch, state = Watch(shop, coin, kill_at), shop.team.world.state
    with (
        between(shop.background, state.address(0, 9), state.slack, watch) as slack,
        shop.proxy(watch) as proxy,
    ):
        watch.slack_url = slack.url
        running = shop.start(proxy, *command.words(coin), on_line=watch.on_line)
        watch.watch(running)
        return running.end(), watch


def slack_may_repeat(passed: Sequence[Point], killed_at: Point) -> bool:
    """Whether a run was killed after its claim to tell Slack was kept, and before the note that it had told it was."""
    kept = {point.name.rpartition("/")[2] for point in passed if point.moment == AFTER}
    return killed_at in passed and any(claim in kept and done not in kept for claim, done in TELLINGS)


def clean_up(shop: Shop, coin: str) -> None:
    """Take a coin's records and stacks away, so that the world stays small."""
    team = shop.team
    for level in team.config.levels:
        names = team.names(coin, level)
        standing = names.read()
        for record in names.records():
            if (alias := standing.of(record.kind)) is not None:
                record.zone.swap(record.name, alias, None, "the chain is over")
    for stack in inventory.everywhere(team.world.aws, team.config.regions):
        if stack.name.coin == coin:
            cloudformation = team.world.aws.cloudformation(stack.region)
            Protector(cloudformation, team.world.aws.elbv2(stack.region)).lift(stack)
            cloudformation.delete_stack(StackName=str(stack.name))
    shop.forget(coin)


def prepare(shop: Shop) -> None:
    """Let dev live in the region that the shop has, a way back last longer than any chain, and a lock of the dead not.

    The certificate of production covers the names of dev.
    """
    shop.set_waits({"way_back": "1h", "moving": "3s"})
    text = shop.team.path.read_text("utf-8")
    head, own, rest = text.partition("[levels.dev]\n")
    certificate = re.search(rf'"{REGION}" = "[^"]+"', head)
    assert certificate is not None
    rest = re.sub(r"^regions = .*$", f'regions = ["{REGION}"]', rest, count=1, flags=re.MULTILINE)
    rest = re.sub(r"^certificates = .*$", f"certificates = {{ {certificate[0]} }}", rest, count=1, flags=re.MULTILINE)
    shop.team.path.write_text(head + own + rest, "utf-8")
