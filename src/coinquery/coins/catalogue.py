"""Read the catalogue, lay a team's overrides over it, and find a coin in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from coinquery.coins.model import Coin
from coinquery.decode import decode
from coinquery.errors import BadConfiguration


class Catalogue:
    """All coins by ticker, as shipped, with overrides from ``cq.toml`` laid over them."""

    def __init__(self, coins: Mapping[str, Coin]) -> None:
        self._coins = dict(coins)

    @classmethod
    def load(cls, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Catalogue:
        """Read the shipped catalogue; ``overrides`` changes fields of its coins or adds coins.

        Raises BadConfiguration where an entry is wrong, naming the field.
        """
        shipped = resources.files("coinquery.coins").joinpath("catalogue.toml").read_text("utf-8")
        entries: dict[str, dict[str, Any]] = tomllib.loads(shipped)
        for ticker, override in (overrides or {}).items():
            entries[ticker] = {**entries.get(ticker, {}), **override}
        return cls({ticker: _coin(ticker, entry) for ticker, entry in entries.items()})

    def __getitem__(self, ticker: str) -> Coin:
        try:
            return self._coins[ticker]
        except KeyError:
            raise BadConfiguration(
                f"unknown coin {ticker!r}",
                f"Known coins: {', '.join(sorted(self._coins))}. Add one under [coins.{ticker}] in cq.toml.",
            ) from None

    def __iter__(self) -> Iterator[Coin]:
        return iter(self._coins.values())

    def __contains__(self, ticker: str) -> bool:
        return ticker in self._coins


def _coin(ticker: str, entry: Mapping[str, Any]) -> Coin:
    return decode({"ticker": ticker, **entry}, Coin, where=f"coins.{ticker}")
