"""The ledger: which stack numbers were given out, to which rollout. What is in it stays in it (I2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery import naming, stored
from coinquery.errors import BadStackName, NumbersExhausted, Unreadable
from coinquery.naming import StackName

if TYPE_CHECKING:
    from coinquery.stacks.parameter_store import ParameterStore

LEDGER = "/coinquery/stacks"
LATEST = "/coinquery/latest"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger keeps of a number: the rollout that it was given to, and where and what that deploys.

    ``author`` made the release; ``by`` is the caller whose process reserved the number. Entries of before have none.
    """

    rollout: str
    region: str
    release: str
    commit: str
    author: str
    reserved: str
    by: str = ""


class Ledger:
    """Stack numbers of the whole account, in the home region. Creating the parameter is reserving the number."""

    def __init__(self, store: ParameterStore) -> None:
        self._store = store

    def reserve(self, name: StackName, entry: Entry) -> bool:
        """Give the number to the entry's rollout; False if it belongs to another one.

        The hint comes first: who is killed between the two comes here again, and not after the number is given.
        """
        parameter = naming.ledger_parameter(name)
        self._store.note(_latest(name.coin, name.level), str(name.number))
        value = self._store.settle(parameter, msgspec.json.encode(entry).decode())
        standing = stored.decode(value, Entry, parameter)
        return standing.rollout == entry.rollout

    def entry(self, name: StackName) -> Entry | None:
        """What the ledger keeps of a stack name; None if the number was never given out. Raises Unreadable."""
        parameter = naming.ledger_parameter(name)
        value = self._store.get(parameter)
        return None if value is None else stored.decode(value, Entry, parameter)

    def entries(self, path: str = LEDGER) -> dict[StackName, Entry]:
        """Every number ever given out, below ``/coinquery/stacks`` or a part of it. Raises Unreadable."""
        below = self._store.below(path).items()
        return {_stack_name(parameter): stored.decode(value, Entry, parameter) for parameter, value in below}

    def legible(self) -> tuple[dict[StackName, Entry], tuple[str, ...]]:
        """The numbers whose entries can be read, and what is wrong with the others: for who only looks."""
        found, wrong = {}, []
        for parameter, value in self._store.below(LEDGER).items():
            try:
                found[_stack_name(parameter)] = stored.decode(value, Entry, parameter)
            except Unreadable as error:
                wrong.append(f"{error.what}. {error.remedy}")
        return found, tuple(wrong)

    def next_number(self, coin: str, level: str) -> int:
        """A good guess at the next free number. Only ``reserve`` decides.

        Past 9999 it is the first that was never given out. Raises NumbersExhausted if there is none, Unreadable where
        the guess is no number.
        """
        latest = _latest(coin, level)
        number = stored.whole(self._store.get(latest) or "0", f"parameter {latest}") + 1
        while number <= naming.LAST_NUMBER and self.entry(StackName(coin, number, level)) is not None:
            number += 1
        return number if number <= naming.LAST_NUMBER else self._first_free(coin, level)

    def _first_free(self, coin: str, level: str) -> int:
        given = {name.number for name in self.entries(f"{LEDGER}/{coin}/{level}")}
        free = next((number for number in range(1, naming.LAST_NUMBER + 1) if number not in given), None)
        if free is None:
            raise NumbersExhausted(
                f"all {naming.LAST_NUMBER} numbers of {coin} {level} are given out", "Choose another ticker or level."
            )
        return free


def _stack_name(parameter: str) -> StackName:
    """The stack name that a parameter of the ledger is for."""
    try:
        coin, level, number = parameter.removeprefix(f"{LEDGER}/").split("/")
        return naming.parse(f"{naming.SERVICE_TYPE}-{coin}-{number}-{level}")
    except (ValueError, BadStackName):
        raise stored.unreadable(f"parameter {parameter}", "its name is none of the ledger's") from None


def _latest(coin: str, level: str) -> str:
    return f"{LATEST}/{coin}/{level}"
