"""An account's first day: its regions are bootstrapped, a release is made, and all of it is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from coinquery.local.configuration import all_regions
from coinquery.stacks import foundation
from coinquery.stacks import stack as stacks
from coinquery.stacks.journal import OTHERS
from coinquery.stacks.parameter_store import ParameterStore
from tests.chaos import part
from tests.chaos.account import REPEAT, differ, journal
from tests.chaos.life import IMPATIENT, Life
from tests.chaos.proxy import Intervention
from tests.chaos.right import without_end
from tests.chaos.shop import WAITS, Ran, Shop
from tests.teams import REGION, Team

#: The region that is bootstrapped second.
OTHER = "eu-west-1"
INFRASTRUCTURE = (
    foundation.NETWORK_STACK, foundation.ROLES_STACK, foundation.GUARD_STACK, foundation.MONITOR_STACK,
)  # fmt: skip
#: Parts of a world that nothing of this day needs: the networks of the coins.
CHAINS = ("litecoin", "evm")
#: What AWS draws for the resources of a world.
_DRAWN = re.compile(
    r"\b(?:vpc|subnet|sg)-[0-9a-f]{8,}\b|\bZ[A-Z0-9]{13,}\b|(?<=artifactbucket-)[0-9a-z]+"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)

Day = dict[str, object]


@dataclass
class FirstDay(Life[Day]):
    """``end`` takes the world down that it is in.

    ``checked`` is what ``cq check`` found last: the state of each thing, and what was seen of it.
    """

    end: Callable[[], object] = field(kw_only=True)
    checked: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes = ("bootstrap (first)", "bootstrap (second region)", "release create")

    @classmethod
    def begin(cls) -> FirstDay:
        """A fresh account, and a repository with a change that is no release yet."""
        with ExitStack() as entered:
            world, stage, folder = entered.enter_context(part.ground(*CHAINS))
            shop = Shop(Team.found(world, folder), stage.background)
            shop.set_waits(WAITS)
            shop.team.repository.change("The first change")
            return cls(shop, end=entered.pop_all().close)

    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each command, by its name."""
        yield "bootstrap (first)", ("bootstrap", "--region", REGION, "--yes")
        yield "bootstrap (second region)", ("bootstrap", "--region", OTHER, "--yes")
        yield "release create", ("release", "create", "eth", "v1.0.0")
        yield "release list", ("release", "list")
        yield "check", ("check", "--json")

    def run(self, words: Sequence[str], *faults: Intervention, environment: Mapping[str, str] = IMPATIENT) -> Ran:
        """Run a command once, and keep what a check saw."""
        ran = super().run(words, *faults, environment=environment)
        if words[0] == "check":
            self.checked = dict(_leaves(json.loads(ran.out)["check"])) if ran.out else {}
        return ran

    def codes(self, words: Sequence[str]) -> tuple[int, ...]:
        """A region that is not bootstrapped is not well."""
        return (1,) if words[0] == "check" else (0, 1, 4)

    def is_at_its_end(self, words: Sequence[str], ran: Ran) -> bool:
        """A check has seen all, a release is told to Slack."""
        if words[0] == "check":
            return (
                ran.code == 1 and bool(self.checked) and "unknown" not in {state for state, _ in self.checked.values()}
            )
        return ran.code == 0 and (words[:2] != ("release", "create") or "Slack: told" in ran.said)

    def standing(self) -> Day:
        """What the commands brought into the account, what they told, and what was seen of it."""
        state = self.shop.team.world.state
        text = (
            json.dumps(dict(self._standing())).replace(str(state.root), "ROOT").replace(f"127.{state.block}.", "127.N.")
        )
        return dict(json.loads(_DRAWN.sub("DRAWN", text)))

    def _standing(self) -> Iterator[tuple[str, object]]:
        aws = self.shop.team.world.aws
        for region in all_regions():
            for name in INFRASTRUCTURE:
                described = stacks.describe(aws.cloudformation(region), name)
                if described is not None:
                    keys = ("StackStatus", "Parameters", "Tags", "EnableTerminationProtection")
                    yield f"stack {name} in {region}", {key: described.get(key) for key in keys}
                    yield from self._packages(region, stacks.outputs(described).get("ArtifactBucket"))
            for name, value in ParameterStore(aws.ssm(region)).below("/coinquery").items():
                yield f"parameter {name} in {region}", value
        repository = self.shop.team.repository
        references = [line.split("\t") for line in repository.git("ls-remote", "origin").splitlines()]
        yield "references", {name: object_id == repository.head() for object_id, name in references}
        yield "told", _told_once(self.shop.announcements("v1.0.0"))
        yield "checked", self.checked

    def _packages(self, region: str, bucket: str | None) -> Iterator[tuple[str, object]]:
        if bucket is not None:
            objects = self.shop.team.world.aws.s3(region).list_objects_v2(Bucket=bucket).get("Contents", [])
            yield f"packages in {region}", {each["Key"]: each["Size"] for each in objects}

    def check(self, right: Day) -> None:
        """It must be as on a day without faults; what the journal says was begun has its end."""
        self.problems += differ("account", right, self.standing())
        self.problems += without_end(journal(self.shop, OTHERS))

    def close(self) -> None:
        """The world goes, and the account with it."""
        self.end()


def _leaves(check: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    """What was looked at; but whether a sweep has ended by now, which the hour decides."""
    where = f"{path}/{check['check']}"
    for each in check["checks"]:
        yield from _leaves(each, where)
    if not check["checks"] and check["check"] != "monitor":
        yield where, (check["state"], check["saw"])


def _told_once(told: Sequence[str]) -> object:
    """Whether Slack was told, and each further time said that it may be a repetition; else what it was told."""
    unmarked = [text for text in told if REPEAT not in text]
    return bool(told) if len(unmarked) <= 1 else list(told)
