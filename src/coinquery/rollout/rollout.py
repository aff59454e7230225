"""One rollout and the means with which its steps work."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.coins import Coin
    from coinquery.config import Config, Level
    from coinquery.dns.names import Names
    from coinquery.naming import StackName
    from coinquery.releases.release import Release
    from coinquery.stacks.journal import Journal
    from coinquery.stacks.ledger import Ledger
    from coinquery.stacks.notes import Notes
    from coinquery.stacks.parameter_store import ParameterStore
    from coinquery.stacks.stack import Stack

_NOT_FOR_TAGS = re.compile(r"[^A-Za-z0-9 ._:/=+@-]")


@dataclass(frozen=True)
class Means:
    """What steps work with; every part is handed in."""

    aws: Aws
    config: Config
    clock: Clock
    store: ParameterStore
    ledger: Ledger
    journal: Journal
    names: Names


@dataclass
class Rollout:
    """What is deployed, where, and, as the steps find or make it, the stack.

    ``release.tag`` is the tag, or the commit where the level takes any commit. ``image`` is the service's, by digest.
    ``snapshot`` holds the chain data to begin from, ``""`` for none.
    """

    notes: Notes
    coin: Coin
    level: Level
    level_name: str
    region: str
    release: Release
    image: str
    snapshot: str = ""
    name: StackName | None = None
    stack: Stack | None = field(default=None, repr=False)

    @property
    def reserved(self) -> StackName:
        """The stack name; only steps after the reservation may ask."""
        if self.name is None:
            raise AssertionError("a step before the reservation asked for the stack name")
        return self.name

    @property
    def created(self) -> Stack:
        """The stack; only steps after its creation may ask."""
        if self.stack is None:
            raise AssertionError("a step before the creation asked for the stack")
        return self.stack

    @property
    def author(self) -> str:
        """Who made the release, in the characters that a tag's value may have."""
        plain = unicodedata.normalize("NFKD", self.release.author).encode("ascii", "ignore").decode()
        return _NOT_FOR_TAGS.sub("-", plain).strip()[:256] or "unknown"

    @property
    def parameters(self) -> dict[str, str]:
        """The template's parameters that say whose the stack is: the same as its tags, for its instances."""
        return {key.title(): value for key, value in self.tags.items() if key != "stack"}

    @property
    def tags(self) -> dict[str, str]:
        """The stack's tags, without their prefix."""
        return {
            "stack": str(self.reserved),
            "coin": self.coin.ticker,
            "level": self.level_name,
            "release": self.release.tag,
            "commit": self.release.commit,
            "rollout": self.notes.id,
            "author": self.author,
        }
