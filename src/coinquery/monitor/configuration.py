"""What the monitor must know of each coin, and how it travels to the Lambda function.

The function's package holds the shipped catalogue; the SSM parameter holds only the coins that a team's ``cq.toml``
changes or adds, so it stays within SSM's 4 KiB (standard tier) or 8 KiB (advanced tier).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from coinquery.coins import Catalogue, Coin, Reference
from coinquery.coins.model import Dialect
from coinquery.errors import BadConfiguration, NotBootstrapped
from coinquery.stored import NOT_OF_KIND

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

    from coinquery.config import Config

PARAMETER = "/coinquery/monitor/configuration"
LOG_GROUP = "/coinquery/monitor"
FUNCTION = "coinquery-monitor"

#: SSM's limit for a parameter's value in bytes, in the advanced tier; the standard tier takes half of it.
PARAMETER_LIMIT = 8192

Seconds = Annotated[int, msgspec.Meta(ge=0)]


class Watched(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What judging one coin's nodes takes. All lengths of time are in seconds."""

    dialect: Dialect
    chain: str
    block_time: Annotated[float, msgspec.Meta(gt=0)]
    tolerance: Seconds
    tolerance_blocks: Annotated[int, msgspec.Meta(ge=1)]
    grace: Seconds
    patience: Seconds = 300
    full_within: Seconds = 7 * 86400
    references: tuple[Reference, ...] = ()


class Production(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How clients reach production: the pattern of its names, its public zone, and how to look at them from outside.

    ``name_servers`` are asked in place of those that the zone names, ``ca_bundle`` is trusted in place of the system's.
    """

    name: str
    zone: str
    https_port: int = 443
    name_servers: tuple[str, ...] = ()
    ca_bundle: str = ""


class Configuration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the monitor knows of the team: its coins by ticker, its regions, its production names, its Slack.

    ``home`` is the home region, ``regions`` are those of production. ``webhook`` is the reference to the secret that
    holds the webhook's address, ``""`` if there is none.
    """

    coins: dict[str, Watched]
    home: str = ""
    regions: tuple[str, ...] = ()
    production: Production | None = None
    webhook: str = ""

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue) -> Configuration:
        """All coins of a catalogue, and nothing of a team."""
        return cls(coins={coin.ticker: _watched(coin) for coin in catalogue})

    @classmethod
    def from_config(cls, config: Config) -> Configuration:
        """What ``cq.toml`` says."""
        coins = cls.from_catalogue(config.catalogue).coins
        webhook = "" if config.slack is None else config.slack.webhook
        level = config.levels.get("prod")
        if level is None:
            return cls(coins=coins, home=config.home_region, webhook=webhook)
        production = Production(
            name=level.name,
            zone=level.public_zone,
            https_port=config.listener.https_port,
            name_servers=config.verify.name_servers,
            ca_bundle=config.verify.ca_bundle,
        )
        return cls(coins=coins, home=config.home_region, regions=level.regions, production=production, webhook=webhook)

    @classmethod
    def from_text(cls, text: str) -> Configuration:
        """Lay what ``to_text`` wrote over the shipped catalogue; raise BadConfiguration where it is wrong."""
        try:
            changed = msgspec.json.decode(text, type=Configuration)
        except NOT_OF_KIND as error:
            raise BadConfiguration(f"{PARAMETER}: {error}", "Run `cq bootstrap`; it writes the parameter.") from error
        return msgspec.structs.replace(changed, coins={**_shipped().coins, **changed.coins})

    def to_text(self) -> str:
        """JSON, with only those coins that differ from the shipped catalogue.

        Raises BadConfiguration if SSM can't hold it.
        """
        shipped = _shipped().coins
        changed = {ticker: coin for ticker, coin in self.coins.items() if coin != shipped.get(ticker)}
        text = msgspec.json.encode(msgspec.structs.replace(self, coins=changed)).decode()
        if len(text.encode()) > PARAMETER_LIMIT:
            raise BadConfiguration(
                f"the monitor's configuration has {len(text.encode())} bytes, SSM takes {PARAMETER_LIMIT}",
                "Change fewer coins in cq.toml, or give them fewer references.",
            )
        return text


def read(ssm: SSMClient, parameter: str = PARAMETER) -> Configuration:
    """Read the configuration from SSM; raise NotBootstrapped where there is none."""
    try:
        text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        region = ssm.meta.region_name
        raise NotBootstrapped(f"no parameter {parameter} in {region}", f"Run: cq bootstrap --region {region}") from None
    return Configuration.from_text(text)


def write(ssm: SSMClient, configuration: Configuration, parameter: str = PARAMETER) -> None:
    """Put the configuration into SSM, in place of what was there."""
    ssm.put_parameter(
        Name=parameter, Value=configuration.to_text(), Type="String", Overwrite=True, Tier="Intelligent-Tiering"
    )


def _shipped() -> Configuration:
    return Configuration.from_catalogue(Catalogue.load())


def _watched(coin: Coin) -> Watched:
    return Watched(
        dialect=coin.dialect,
        chain=coin.chain,
        block_time=coin.block_time,
        tolerance=coin.tolerance.seconds,
        tolerance_blocks=coin.tolerance_blocks,
        grace=coin.grace.seconds,
        patience=coin.patience.seconds,
        full_within=coin.full_within.seconds,
        references=coin.references,
    )
