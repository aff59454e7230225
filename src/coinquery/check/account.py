"""Everything that an account needs for production, as one tree."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coinquery import secret
from coinquery.account import caller
from coinquery.check import guard, region
from coinquery.check.finding import Finding, found, group, look, missing
from coinquery.dns.names import Names
from coinquery.errors import BadConfiguration
from coinquery.stacks import inventory
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.stacks.stack import Stack


def check(aws: Aws, config: Config, regions: Iterable[str], now: datetime) -> Finding:
    """The account, these regions of it, and what all share. The configuration parses, or nobody would come here."""
    return group(f"account {config.account}", _checks(aws, config, regions, now))


def _checks(aws: Aws, config: Config, regions: Iterable[str], now: datetime) -> Iterator[Finding]:
    levels = ", ".join(config.levels)
    yield found(
        "configuration", f"levels {levels}; home region {config.home_region}; {len(list(config.catalogue))} coins"
    )
    yield look("credentials", lambda: caller(aws, config.home_region))
    yield from (region.check(aws, config, where, now) for where in regions)
    yield group("names", (look(name, partial(_names, aws, config, name)) for name in config.levels))
    if config.slack is not None:
        yield look("Slack", lambda: _webhook(aws, config))
    if "prod" in config.levels:
        yield guard.check(aws, config)
        yield look("production stacks", lambda: _production(aws, regions))


def _names(aws: Aws, config: Config, level: str) -> str:
    """Whether the level's zones are ours and hold its names, which differ in the coin alone."""
    for coin in list(config.catalogue)[:1]:
        Names(aws.route53(), config.level(level), coin.ticker).check()
    patterns = (config.level(level).name, config.level(level).private_name)
    return ", ".join(pattern for pattern in patterns if pattern)


def _webhook(aws: Aws, config: Config) -> str:
    """Whether the webhook's secret can be read. Its text is neither kept nor shown (I14)."""
    from botocore.exceptions import ClientError

    from coinquery.aws import code

    reference = "" if config.slack is None else config.slack.webhook
    try:
        readable = bool(secret.read(aws, config.home_region, reference))
    except ClientError as error:
        if code(error) not in ("ParameterNotFound", "ResourceNotFoundException"):
            raise
        readable = False
    if not readable:
        raise BadConfiguration(
            f"{reference} holds nothing in {config.home_region}",
            "Put the webhook's address there, or correct [slack] in cq.toml.",
        )
    return f"{reference} can be read"


def _production(aws: Aws, regions: Iterable[str]) -> str | Finding:
    standing = [
        stack
        for stack in inventory.everywhere(aws, regions)
        if stack.name.is_production and stack.status != "DELETE_IN_PROGRESS"
    ]
    if not standing:
        return "there are none"
    return group("production stacks", (look(str(each.name), partial(_stack, aws, each)) for each in standing))


def _stack(aws: Aws, stack: Stack) -> str | Finding:
    """Whether a stack that is not on its way out is whole and protected; a failed one may be live all the same."""
    gaps = Protector(aws.cloudformation(stack.region), aws.elbv2(stack.region)).of(stack).missing
    lacks = f"{', '.join(gaps)}: missing" if gaps else ""
    goes = stack.status.startswith("DELETE")  # protected anew, it would stay though somebody decided otherwise
    mend = "Switch on what is missing: docs/process.md, step 6." if gaps and not goes else ""
    if stack.failed:
        saw = f"it is {stack.status}; {lacks or 'protected in full'}"
        return missing(str(stack.name), saw, " ".join(filter(None, (mend, _of_failed(stack)))))
    return missing(str(stack.name), lacks, mend) if gaps else "protected in full"


def _of_failed(stack: Stack) -> str:
    if stack.status.startswith("UPDATE"):
        return (
            f"Nothing of cq updates a stack: cq history {stack.name} and CloudTrail say who did. If it is live, deploy "
            f"its successor: cq status {stack.name}"
        )
    return f"If it is live, deploy its successor; if not, take it away: cq status {stack.name}, cq retire {stack.name}"
