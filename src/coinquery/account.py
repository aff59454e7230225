"""Make sure that the credentials are of the account that ``cq.toml`` names, before anything is read or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import WrongAccount

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.config import Config


def check_account(aws: Aws, config: Config) -> None:
    """Raise WrongAccount if the credentials belong to another account."""
    actual = aws.sts(config.home_region).get_caller_identity()["Account"]
    if actual != config.account:
        raise WrongAccount(
            f"the credentials are of account {actual}, cq.toml names {config.account}",
            f"Set AWS_PROFILE to a profile of account {config.account}; if this cq.toml is another team's, use yours "
            "(--config).",
        )


def caller(aws: Aws, region: str) -> str:
    """Who is acting: the ARN of the caller's identity."""
    return aws.sts(region).get_caller_identity()["Arn"]


def partition(aws: Aws, region: str) -> str:
    """The partition of the account's ARNs, such as ``aws``."""
    return caller(aws, region).split(":")[1]
