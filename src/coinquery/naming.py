"""The stack name, ``cq-{coin}-{number}-{level}``, and every AWS name derived from it (I1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coinquery.errors import BadStackName

SERVICE_TYPE = "cq"
LEVELS = ("prod", "stage", "dev", "test")
FIRST_NUMBER, LAST_NUMBER = 1, 9999

#: Load balancer and target group names: the limit that decides how long a ticker may be.
LOAD_BALANCER_LIMIT = 32
INTERNAL_SUFFIX = "-int"
LONGEST_TICKER = LOAD_BALANCER_LIMIT - len(f"{SERVICE_TYPE}--0001-stage{INTERNAL_SUFFIX}")

#: The path of the SSM parameters that silence stacks.
SILENCES = "/coinquery/silences"

_TICKER = re.compile(r"[a-z0-9]+", re.ASCII)
_NAME = re.compile(r"cq-([a-z0-9]+)-([0-9]{4})-(prod|stage|dev|test)", re.ASCII)


@dataclass(frozen=True, order=True)
class StackName:
    """The parts of a stack name; ``str()`` gives the name itself.

    Raises BadStackName when a part is out of its range.
    """

    coin: str
    number: int
    level: str

    def __post_init__(self) -> None:
        check_ticker(self.coin)
        if not FIRST_NUMBER <= self.number <= LAST_NUMBER:
            raise BadStackName(f"stack number {self.number} is outside 0001-9999", "Give a number from 1 to 9999.")
        if self.level not in LEVELS:
            raise BadStackName(f"unknown level {self.level!r}", f"Levels are {', '.join(LEVELS)}.")

    def __str__(self) -> str:
        return f"{SERVICE_TYPE}-{self.coin}-{self.number:04}-{self.level}"

    @property
    def coin_argument(self) -> str:
        """The stack's coin and level as the commands take them."""
        return as_argument(self.coin, self.level)

    @property
    def is_production(self) -> bool:
        """Whether the stack is one that must not go away by accident."""
        return self.level == "prod"

    def derived(self) -> tuple[DerivedName, ...]:
        """Every AWS name derived from the stack name, with the limit AWS sets for that kind."""
        name = str(self)
        return (
            DerivedName("CloudFormation stack", name, 128),
            DerivedName("load balancer", name, LOAD_BALANCER_LIMIT),
            DerivedName("target group", name, LOAD_BALANCER_LIMIT),
            DerivedName("internal load balancer", name + INTERNAL_SUFFIX, LOAD_BALANCER_LIMIT),
            DerivedName("internal target group", name + INTERNAL_SUFFIX, LOAD_BALANCER_LIMIT),
            DerivedName("ECS cluster", name, 255),
            DerivedName("ECS service", name, 255),
            DerivedName("task definition family", name, 255),
            DerivedName("Auto Scaling group", name, 255),
            DerivedName("launch template", name, 128),
            DerivedName("instance Name tag", name, 256),
            DerivedName("log group", log_group(self), 512),
            DerivedName("journal stream", name, 512),
            DerivedName("monitor stream", name, 512),
            DerivedName("outage alarm", f"{name}-outage", 255),
            DerivedName("ledger parameter", ledger_parameter(self), 1011),
            DerivedName("silence parameter", silence_parameter(self), 1011),
        )


@dataclass(frozen=True)
class DerivedName:
    """An AWS name that follows from a stack name. ``limit`` is AWS's, in characters."""

    kind: str
    value: str
    limit: int


def parse(text: str) -> StackName:
    """Read a stack name. Whether its coin is known is the catalogue's to say.

    Raises BadStackName for anything that ``str(StackName(...))`` would not print.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise BadStackName(
            f"{text!r} is not a stack name",
            "A stack name is cq-{coin}-{number}-{level}, for example cq-eth-0001-prod.",
        )
    return StackName(match[1], int(match[2]), match[3])


def as_argument(coin: str, level: str) -> str:
    """A coin at a level as the commands take it: they mean production unless another level is said."""
    return coin if level == "prod" else f"{coin} --level {level}"


def check_ticker(ticker: str) -> str:
    """Return the ticker if every AWS name derived from it fits (I1); raise BadStackName if not."""
    if not _TICKER.fullmatch(ticker):
        raise BadStackName(f"{ticker!r} is not a ticker", "Tickers are lower-case letters and digits.")
    if len(ticker) > LONGEST_TICKER:
        raise BadStackName(
            f"ticker {ticker!r} has {len(ticker)} characters, the limit is {LONGEST_TICKER}",
            f"Load balancer names end at {LOAD_BALANCER_LIMIT} characters; choose a shorter ticker.",
        )
    return ticker


def log_group(name: StackName) -> str:
    """The log group of the stack's containers; it outlives the stack."""
    return f"/coinquery/stacks/{name}"


def ledger_parameter(name: StackName) -> str:
    """The SSM parameter whose creation reserves the number."""
    return f"/coinquery/stacks/{name.coin}/{name.level}/{name.number:04}"


def silence_parameter(name: StackName) -> str:
    """The SSM parameter that silences the stack's alerts for a time."""
    return f"{SILENCES}/{name}"
