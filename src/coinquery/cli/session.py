"""What every command is handed: configuration, AWS clients and clock, each made when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.coins import Catalogue
    from coinquery.config import Config

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


class Session:
    """One run of ``cq``; ``clock`` is the machine's own where none is handed in."""

    def __init__(self, config_path: str | None, clock: Clock | None = None) -> None:
        self._config_path = config_path
        self._clock = clock

    @cached_property
    def config(self) -> Config:
        """``cq.toml``, read and checked."""
        from coinquery import config

        return config.load(self._config_path)

    @property
    def catalogue(self) -> Catalogue:
        """The coins of the configuration; the shipped ones where there is no configuration."""
        from coinquery.coins import Catalogue
        from coinquery.config import exists

        return self.config.catalogue if exists(self._config_path) else Catalogue.load()

    @cached_property
    def aws(self) -> Aws:
        """Clients of the configured account; raises WrongUse if the credentials are another's."""
        from coinquery.account import check_account
        from coinquery.aws import Aws

        aws = Aws()
        check_account(aws, self.config)
        return aws

    @cached_property
    def clock(self) -> Clock:
        """The clock of this run."""
        from coinquery.clock import SystemClock

        return self._clock or SystemClock()


def print_json(document: Any) -> None:
    """Write one JSON document on standard output."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
