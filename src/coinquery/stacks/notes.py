"""The notes of a rollout: create-once parameters below ``/coinquery/rollouts/<id>/`` in the home region.

Any number of processes may drive one rollout and read the same notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery import stored
from coinquery.errors import NotOurStack

if TYPE_CHECKING:
    from datetime import datetime

    from coinquery.stacks.parameter_store import ParameterStore

ROLLOUTS = "/coinquery/rollouts"
#: Marks of a rollout's life: its creation was asked for, the records were moved to it, it went live, its name is being
#: given back, it is back, its stack may go and is being looked at, its stack goes.
CREATED, SWITCHED, LIVE, GIVING_BACK, GIVEN_BACK = "created", "switched", "live", "giving-back", "given-back"
RETIRING, RETIRED = "retiring", "retired"
#: Locks of processes that are about to move a name to the rollout's stack; those that retire it are below RETIRING.
MOVING = "moving"

#: A rollout's id: coin, level, region, release, attempt, in the characters that a parameter's name may have.
_ID = re.compile(r"[a-z0-9]+/[a-z]+/[a-z0-9-]+/[A-Za-z0-9._-]+/[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True)
class Key:
    """What makes two commands mean the same rollout. ``release`` is a tag, or a commit where the level takes those."""

    coin: str
    level: str
    region: str
    release: str

    def __str__(self) -> str:
        return f"{self.coin}/{self.level}/{self.region}/{self.release}"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """When something happened to a rollout for the first time, and by whom."""

    time: str
    who: str

    def __post_init__(self) -> None:
        stored.moment(self.time)


class Notes:
    """The create-once notes of one rollout. ``attempt`` counts the rollouts of the same key from 1."""

    def __init__(self, store: ParameterStore, key: Key, attempt: int) -> None:
        self.store = store
        self.key = key
        self.attempt = attempt

    @property
    def id(self) -> str:
        """The rollout's identity, as tags and the ledger carry it."""
        return f"{self.key}/{self.attempt}"

    def begin(self, now: datetime) -> bool:
        """Claim this attempt; False if it was begun before. The note keeps when."""
        return self.store.create(self.path("begin"), now.isoformat())

    def begun(self) -> datetime | None:
        """When this attempt was claimed; None if it was not. Raises Unreadable."""
        value = self.get("begin")
        try:
            return None if value is None else stored.moment(value)
        except ValueError as error:
            raise stored.unreadable(f"parameter {self.path('begin')}", str(error)) from None

    def settle(self, what: str, value: str) -> str:
        """Keep a value unless one is kept; return the one that is."""
        return self.store.settle(self.path(what), value)

    def get(self, what: str) -> str | None:
        """A kept value."""
        return self.store.get(self.path(what))

    def mark(self, what: str, now: datetime, who: str) -> Mark:
        """Keep that something happened, unless that is kept; return what is."""
        mark = Mark(time=now.isoformat(timespec="milliseconds"), who=who)
        return stored.decode(self.settle(what, msgspec.json.encode(mark).decode()), Mark, self.path(what))

    def unmark(self, what: str) -> None:
        """Take back a mark that is a lock, one below MOVING or RETIRING."""
        self.store.remove(self.path(what))

    def marked(self, what: str) -> Mark | None:
        """When and by whom something happened; None if it did not. Raises Unreadable."""
        value = self.get(what)
        return None if value is None else stored.decode(value, Mark, self.path(what))

    def number(self, what: str) -> int | None:
        """A kept value that is a number; None if there is none. Raises Unreadable."""
        value = self.get(what)
        return None if value is None else stored.whole(value, f"parameter {self.path(what)}")

    def path(self, what: str) -> str:
        """The parameter that keeps a note."""
        return f"{ROLLOUTS}/{self.id}/{what}"


def of_id(store: ParameterStore, rollout: str) -> Notes:
    """The notes of a rollout named by its id, as a stack's tag or the ledger has it; raise NotOurStack for no id."""
    if not _ID.fullmatch(rollout):
        raise NotOurStack(
            f"{rollout[:100]!r} is no rollout: cq did not make that stack",
            "Nothing was changed. Its coinquery:rollout tag is not what the ledger has; CloudTrail says who wrote it.",
        )
    coin, level, region, release, attempt = rollout.split("/")
    return Notes(store, Key(coin, level, region, release), int(attempt))
