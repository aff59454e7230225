"""Two commands that are after one coin's name: the coin as it stands before, what may be after, and set back again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from coinquery import aws
from coinquery.dns.names import KINDS, Standing
from coinquery.dns.zone import same
from coinquery.stacks import inventory, retiring
from coinquery.stacks.notes import ROLLOUTS, of_id
from coinquery.stacks.protection import Protector
from coinquery.stacks.stack import Stack
from tests.chaos.shop import Ran, Shop
from tests.chaos.turns import alone, moves
from tests.teams import REGION

#: Where a record leads that leads to no stack of ours.
NOWHERE = "nothing of ours"
#: How often the watcher looks, in seconds.
LOOK = 0.05
#: How often it must have looked: while the block ran, and when it was over.
LOOKS = 2


@dataclass
class Coin:
    """A coin with stacks, of which the first number is live; ``stacks`` are as they stood when they were made."""

    shop: Shop
    ticker: str
    stacks: dict[str, Stack] = field(default_factory=dict)

    def name(self, number: int) -> str:
        """The name of a production stack."""
        return f"cq-{self.ticker}-{number:04}-prod"

    def deploy(self, release: str) -> tuple[str, ...]:
        """The words of a deploy."""
        return self.shop.deploy(self.ticker, release)

    def rollback(self) -> tuple[str, ...]:
        """The words of a way back."""
        return ("rollback", self.ticker, "--yes")

    def retire(self, number: int) -> tuple[str, ...]:
        """The words of a retirement."""
        return ("retire", self.name(number), "--name", self.name(number))

    def ready(self, release: str) -> None:
        """A release deployed as far as the switch, which is the next thing that its command does."""
        alone(self.shop, *self.deploy(release), holds=moves, turns=0)
        self.look()

    def live(self, release: str) -> None:
        """A release deployed to its end."""
        self.shop.must(*self.deploy(release))
        self.look()

    def look(self) -> None:
        """Learn which stacks there are."""
        team = self.shop.team
        found = inventory.everywhere(team.world.aws, team.config.regions)
        self.stacks |= {str(stack.name): stack for stack in found if stack.name.coin == self.ticker and stack.outputs}

    @property
    def standing(self) -> Standing:
        """Where the records lead."""
        return self.shop.team.names(self.ticker).read()

    def unprotected(self) -> Iterator[str]:
        """What lacks protection of the stacks that still stand; one whose retirement was decided may lack it (I5)."""
        team, store = self.shop.team, self.shop.team.means("eth").store
        protector = Protector(team.world.aws.cloudformation(REGION), team.world.aws.elbv2(REGION))
        for name in self.stacks:
            stack = team.stack(name)
            if stack is None or retiring.is_decided(of_id(store, stack.rollout)):
                continue
            if lost := protector.of(stack).missing:
                yield f"{name} lost its protection: {', '.join(lost)}"

    @property
    def led(self) -> dict[str, str]:
        """The stack that each record leads to, by kind."""
        standing, names = self.standing, self.shop.team.names(self.ticker)
        targets = {name: names.target(stack) for name, stack in self.stacks.items()}
        return {
            kind: next((name for name, to in targets.items() if same(to.of(kind), standing.of(kind))), NOWHERE)
            for kind in KINDS
        }


@dataclass
class Saved:
    """Notes and records of a coin, to which it can be set back as long as no stack was taken away."""

    coin: Coin
    notes: dict[str, str]
    standing: Standing

    @classmethod
    def of(cls, coin: Coin) -> Saved:
        """As they are now."""
        store = coin.shop.team.means("eth").store
        return cls(coin, store.below(f"{ROLLOUTS}/{coin.ticker}"), coin.standing)

    def restore(self) -> None:
        """Write them back."""
        ticker, team = self.coin.ticker, self.coin.shop.team
        store = team.means("eth").store
        now = store.below(f"{ROLLOUTS}/{ticker}")
        for name in now.keys() - self.notes.keys():
            store.remove(name)
        for name in [name for name, value in self.notes.items() if now.get(name) != value]:
            store.note(name, self.notes[name])
        team.names(ticker).move(self.coin.standing, self.standing, "as before")


@dataclass
class Watcher:
    """Looks all the while whether a record leads to a stack that is being deleted, or to one that is gone (I6, I8)."""

    coin: Coin
    problems: set[str] = field(default_factory=set)
    looks: int = 0

    def try_to_look(self) -> None:
        """Look once; an AWS that gives no answer for a moment is looked at again, what else fails is a problem."""
        try:
            self.look()
        except Exception as error:
            if not aws.passes(error):
                self.problems.add(f"the watcher can't look: {error!r}")

    def look(self) -> None:
        """Look once; what a record leads to must stand while it does."""
        cloudformation = self.coin.shop.team.world.aws.cloudformation(REGION)
        for kind, name in self.coin.led.items():
            status = _status(cloudformation, name)
            if status != "CREATE_COMPLETE" and self.coin.led[kind] == name:
                self.problems.add(f"the {kind} record leads to {name}, which is {status}")
        self.looks += 1


@contextmanager
def watched(coin: Coin) -> Iterator[Watcher]:
    """A watcher for as long as the block runs."""
    watcher, stop = Watcher(coin), threading.Event()

    def watch() -> None:
        while not stop.wait(LOOK):
            watcher.try_to_look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        stop.set()
        thread.join(30)
        watcher.try_to_look()
        if thread.is_alive() or watcher.looks < LOOKS:
            watcher.problems.add(f"the watcher looked {watcher.looks} times only")


def again(shop: Shop, command: Sequence[str], times: int = 6) -> Ran:
    """Run a command again as its message says, until it is done or refused for good; retirements wait for quiet."""
    for _ in range(times):
        ran = shop.run(*command)
        if ran.code in (0, 2) or (ran.code == 3 and command[0] != "retire"):
            break
        threading.Event().wait(1)
    return ran


def _status(cloudformation: object, name: str) -> str:
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]  # type: ignore[attr-defined]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return "gone"
    return str(stack["StackStatus"])
