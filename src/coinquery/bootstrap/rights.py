"""The parameters of ``roles.yaml`` and ``guard.yaml``: who may do what, and on which names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import BadConfiguration
from coinquery.stacks.guard import check_length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.config import Config, Level

#: Our roles that the guard lets through, in any account.
OPERATORS = tuple(
    f"arn:*:iam::*:role/coinquery/coinquery-{name}" for name in ("deployer", "cloudformation", "break-glass")
)
#: CloudFormation takes no longer parameter, in bytes.
LONGEST_PARAMETER = 4096


def roles(config: Config, partition: str) -> dict[str, str]:
    """Parameters of ``roles.yaml``; ``partition`` is that of the account's ARNs, such as aws.

    Raises BadConfiguration where the names of all coins do not fit.
    """
    everyone = (f"arn:{partition}:iam::{config.account}:root",)
    return {
        "Deployers": ",".join(config.roles.deployers or everyone),
        "Readers": ",".join(config.roles.readers or everyone),
        "BreakGlass": ",".join(config.roles.break_glass or everyone),
        "Zones": _zones(config.levels.values(), partition),
        "RecordNames": _names(config, config.levels.values()),
        "Repository": config.repository,
        "ImageParameter": config.image_parameter,
        **webhook(config),
    }


def guard(config: Config, partition: str) -> dict[str, str]:
    """Parameters of ``guard.yaml``: whom it lets through, the zones and names of production.

    Raises BadConfiguration where they make a policy that is longer than IAM takes.
    """
    production = [config.levels["prod"]]
    names = _names(config, production)
    given = {
        "Operators": ",".join(OPERATORS),
        "Administrators": ",".join((*OPERATORS, *map(_in_any_account, config.roles.administrators))),
        "Zones": _zones(production, partition),
        "LiveNames": names,
        "NamesAbove": ",".join(_above(names.split(","))),
        "Repository": config.repository,
    }
    check_length(given)
    return given


def _in_any_account(arn: str) -> str:
    """So the same text serves several accounts: it binds only who is of the account that it is attached in."""
    return f"arn:*:iam::*:{arn.split(':', 5)[5]}"


def webhook(config: Config) -> dict[str, str]:
    """Parameters that say where Slack's webhook is kept: the secret that may be read, and no other."""
    store, _, name = ("none", "", "") if config.slack is None else config.slack.webhook.partition(":")
    return {"WebhookStore": store, "WebhookName": name}


def _zones(levels: Iterable[Level], partition: str) -> str:
    ids = {zone for level in levels for zone in (level.public_zone, level.private_zone) if zone}
    return ",".join(f"arn:{partition}:route53:::hostedzone/{zone}" for zone in sorted(ids))


def _above(names: Iterable[str]) -> list[str]:
    """Every domain that a name is in."""
    labels = [name.split(".") for name in names]
    return sorted({".".join(each[start:]) for each in labels for start in range(1, len(each))})


def _names(config: Config, levels: Iterable[Level]) -> str:
    patterns = [pattern for level in levels for pattern in (level.name, level.private_name) if pattern]
    names = ",".join(sorted({pattern.format(coin=coin.ticker) for pattern in patterns for coin in config.catalogue}))
    if len(names.encode()) > LONGEST_PARAMETER:
        raise BadConfiguration(
            f"the names of all coins at all levels are {len(names.encode())} bytes, more than {LONGEST_PARAMETER}",
            "CloudFormation passes no more to a policy. Use shorter names, or fewer levels in this account.",
        )
    return names
