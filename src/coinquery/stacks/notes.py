"""The notes of a rollout: create-once parameters below ``/coinquery/rollouts/<id>/`` in the home region.

Any number of processes may drive one rollout and read the same notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import NotOurStack

if TYPE_CHECKING:
    from datetime import datetime

    from coinquery.stacks.parameter_store import ParameterStore

ROLLOUTS = "/coinquery/rollouts"
#: Marks of a rollout's life: its creation was asked for, the records were moved to it, it went live, its name is being
#: given back, it is back, its stack may go and is being looked at, its stack goes.
CREATED, SWITCHED, LIVE, GIVING_BACK, GIVEN_BACK = "created", "switched", "live", "giving-back", "given-back"
RETIRING, RETIRED = "retiring", "retired"


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
        return self.store.create(self._path("begin"), now.isoformat())

    def settle(self, what: str, value: str) -> str:
        """Keep a value unless one is kept; return the one that is."""
        return self.store.settle(self._path(what), value)

    def get(self, what: str) -> str | None:
        """A kept value."""
        return self.store.get(self._path(what))

    def mark(self, what: str, now: datetime, who: str) -> Mark:
        """Keep that something happened, unless that is kept; return what is."""
        mark = Mark(time=now.isoformat(timespec="milliseconds"), who=who)
        return msgspec.json.decode(self.settle(what, msgspec.json.encode(mark).decode()), type=Mark)

    def unmark(self, what: str) -> None:
        """Take back a mark that was a lock: only RETIRING is one."""
        self.store.remove(self._path(what))

    def marked(self, what: str) -> Mark | None:
        """When and by whom something happened; None if it did not."""
        value = self.get(what)
        return None if value is None else msgspec.json.decode(value, type=Mark)

    def _path(self, what: str) -> str:
        return f"{ROLLOUTS}/{self.id}/{what}"


def of_id(store: ParameterStore, rollout: str) -> Notes:
    """The notes of a rollout named by its id, as a stack's tag or the ledger has it."""
    try:
        coin, level, region, release, attempt = rollout.split("/")
    except ValueError:
        raise NotOurStack(f"{rollout!r} is no rollout: cq did not make that stack", "Nothing was changed.") from None
    return Notes(store, Key(coin, level, region, release), int(attempt))
