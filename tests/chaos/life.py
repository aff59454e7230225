"""A coin's life, command by command, under faults: each command is run until it comes to its right end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.account import Account
from tests.chaos.proxy import Intervention
from tests.chaos.races import THIRD
from tests.chaos.right import account_problems, ended_properly
from tests.chaos.shop import Ran, Shop
from tests.teams import REGION

#: How often a command is run until it must have come through.
TRIES = 12
IMPATIENT = {"CHAOS_IMPATIENT": "1"}
#: Commands of a life that change the coin's account: the others find it as it was.
CHANGES = (
    "deploy --level dev", "deploy", "monitor silence", "rollback", "retire", "deploy (again)", "retire --break-glass",
)  # fmt: skip
#: A monitor that gives no answer is waited for; so long that is enough here.
BRIEFLY = {"deploy": ("--wait", "10s"), "retire": ("--wait", "10s")}


@dataclass
class Life:
    """What one coin goes through, from its second deploy to the retirement of its first stack."""

    shop: Shop
    coin: str
    problems: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, shop: Shop) -> Life:
        """A coin with one stack, deployed undisturbed."""
        coin = shop.coin()
        shop.must(*shop.deploy(coin))
        return cls(shop, coin)

    @classmethod
    def before(cls, shop: Shop, command: str) -> tuple[Life, tuple[str, ...]]:
        """A life in which that command comes next, and its words: what changes something before it was undisturbed."""
        life = cls.begin(shop)
        for title, words in life.commands():
            if title == command:
                return life, words
            if title in CHANGES:
                life.lead(words)
        raise LookupError(command)

    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each command, by its name."""
        coin, shop = self.coin, self.shop
        retired, first = f"cq-{coin}-0002-prod", f"cq-{coin}-0001-prod"
        yield "deploy --level dev", shop.deploy(coin, "v1.0.0", "--level", "dev")
        yield "deploy", shop.deploy(coin, "v1.1.0")
        yield "ls", ("ls",)
        yield "status", ("status", retired)
        yield "find", ("find", f"{coin}.example.com")
        yield "dns show", ("dns", "show", coin)
        yield "history", ("history", retired)
        yield "monitor silences", ("monitor", "silences")
        yield "retire --plan", ("retire", retired, "--plan")
        yield "monitor run", ("monitor", "run", "--once", "--region", REGION)
        yield "bootstrap", ("bootstrap", "--region", REGION, "--yes")
        yield "monitor silence", ("monitor", "silence", retired, "--for", "1m", "--why", "to see that it can be")
        yield "rollback", ("rollback", coin, "--yes")
        yield "retire", ("retire", retired, "--name", retired)
        yield "deploy (again)", shop.deploy(coin, THIRD)
        yield "retire --break-glass", ("retire", first, "--name", first, "--break-glass", "to see that it can be")

    def run(self, words: Sequence[str], *faults: Intervention, environment: Mapping[str, str] = IMPATIENT) -> Ran:
        """Run a command once; how it ends must be proper."""
        codes = (0, 1, 3, 4) if words[0] == "retire" else (0, 1, 4)
        ran = self.shop.run(*words, interventions=faults, environment=environment)
        if ran.is_at_its_end:
            ran.code = 0
        self.problems += [f"{words[0]}: {problem}" for problem in ended_properly(ran, codes)]
        if ran.code == 3:
            time.sleep(1)
        return ran

    def lead(self, words: Sequence[str], *faults: Intervention) -> Ran:
        """Run a command until it ends well."""
        for _ in range(TRIES):
            ran = self.run(words, *faults)
            if ran.code == 0:
                return ran
        self.problems.append(f"{words[0]} did not come through: {ran.said[-600:]}")
        return ran

    def heal(self, words: Sequence[str], account: Account) -> None:
        """Run it undisturbed; then the account must be right."""
        for _ in range(TRIES):
            if (ran := self.run(words)).code not in (3, 4):
                break
        if ran.code:
            self.problems.append(f"{words[0]}: undisturbed: exit code {ran.code}: {ran.said[-600:]}")
        self.check(account)

    def check(self, account: Account) -> None:
        """The account must be right."""
        self.problems += account_problems(self.shop, self.coin, account)
