"""Who is acting: in the account that ``cq.toml`` names, and by a clock that agrees with AWS's."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from coinquery.clock import CLOCK_SKEW
from coinquery.errors import ClockWrong, WrongAccount

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
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


def timely_caller(aws: Aws, region: str, clock: Clock) -> str:
    """Who is acting; raise ClockWrong where this machine's clock is too far from AWS's to judge records and waits by.

    AWS takes requests of clocks that are minutes wrong, and a record from the future hides those that come after.
    """
    answer = aws.sts(region).get_caller_identity()
    ahead = clock.now() - parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    if abs(ahead) > CLOCK_SKEW:
        side = "ahead of" if ahead > timedelta() else "behind"
        raise ClockWrong(
            f"this machine's clock is {abs(ahead).total_seconds():.0f} s {side} AWS's, the limit is "
            f"{CLOCK_SKEW.total_seconds():.0f} s",
            "Nothing was changed. Set the clock (NTP does it), then run the same command again.",
        )
    return answer["Arn"]


def partition(aws: Aws, region: str) -> str:
    """The partition of the account's ARNs, such as ``aws``."""
    return caller(aws, region).split(":")[1]
