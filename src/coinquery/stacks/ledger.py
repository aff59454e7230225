"""The ledger: which stack numbers were given out, to which rollout. What is in it stays in it (I2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery import naming
from coinquery.errors import NumbersExhausted
from coinquery.naming import StackName

if TYPE_CHECKING:
    from coinquery.stacks.parameter_store import ParameterStore

LEDGER = "/coinquery/stacks"
LATEST = "/coinquery/latest"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger keeps of a number: the rollout that it was given to, and where and what that deploys."""

    rollout: str
    region: str
    release: str
    commit: str
    author: str
    reserved: str


class Ledger:
    """Stack numbers of the whole account, in the home region. Creating the parameter is reserving the number."""

    def __init__(self, store: ParameterStore) -> None:
        self._store = store

    def reserve(self, name: StackName, entry: Entry) -> bool:
        """Give the number to the entry's rollout; False if it belongs to another one."""
        parameter = naming.ledger_parameter(name)
        if self._store.create(parameter, msgspec.json.encode(entry).decode()):
            self._store.note(_latest(name.coin, name.level), str(name.number))
            return True
        standing = msgspec.json.decode(self._store.standing(parameter), type=Entry)
        return standing.rollout == entry.rollout

    def entry(self, name: StackName) -> Entry | None:
        """What the ledger keeps of a stack name; None if the number was never given out."""
        value = self._store.get(naming.ledger_parameter(name))
        return None if value is None else msgspec.json.decode(value, type=Entry)

    def entries(self, path: str = LEDGER) -> dict[StackName, Entry]:
        """Every number ever given out, below ``/coinquery/stacks`` or a part of it."""
        found: dict[StackName, Entry] = {}
        for parameter, value in self._store.below(path).items():
            coin, level, number = parameter.removeprefix(f"{LEDGER}/").split("/")
            found[StackName(coin, int(number), level)] = msgspec.json.decode(value, type=Entry)
        return found

    def next_number(self, coin: str, level: str) -> int:
        """A good guess at the next free number. Only ``reserve`` decides.

        Raises NumbersExhausted after 9999.
        """
        number = int(self._store.get(_latest(coin, level)) or 0) + 1
        while number <= naming.LAST_NUMBER and self.entry(StackName(coin, number, level)) is not None:
            number += 1
        if number > naming.LAST_NUMBER:
            raise NumbersExhausted(
                f"all {naming.LAST_NUMBER} numbers of {coin} {level} are given out", "Choose another ticker or level."
            )
        return number


def _latest(coin: str, level: str) -> str:
    return f"{LATEST}/{coin}/{level}"
