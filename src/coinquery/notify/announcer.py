"""Announce to the team; whatever fails is told in the result and undoes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery import secret
from coinquery.notify.slack import ATTEMPTS, Delivery, post

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config
    from coinquery.notify.messages import Message


class Announcer:
    """Sends messages to the webhook whose address the secret ``reference`` names in ``region``.

    ``reference`` is ``secretsmanager:NAME`` or ``ssm:/NAME`` (a SecureString); None where Slack is not configured.
    ``attempts`` bounds how often one message is tried.
    """

    def __init__(self, reference: str | None, aws: Aws, region: str, clock: Clock, attempts: int = ATTEMPTS) -> None:
        self._reference = reference
        self._aws = aws
        self._region = region
        self._clock = clock
        self._attempts = attempts

    @classmethod
    def of(cls, config: Config, aws: Aws, clock: Clock) -> Announcer:
        """The announcer that a team's configuration names."""
        return cls(None if config.slack is None else config.slack.webhook, aws, config.home_region, clock)

    def tell(self, message: Message) -> Delivery:
        """Send one message; raises nothing for a secret that can't be read or a Slack that fails."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self._reference is None:
            return Delivery(False, 0, "Slack is not configured: cq.toml has no [slack] webhook")
        try:
            webhook = secret.read(self._aws, self._region, self._reference)
        except (BotoCoreError, ClientError) as error:
            reason = secret.problem(error)
            return Delivery(False, 0, f"the webhook's secret {self._reference} can't be read: {reason}")
        return post(webhook, message, self._clock, self._attempts)
