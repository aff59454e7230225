"""The team, as the monitor reaches it: each notice is a message in Slack, and a line of the function's own log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from coinquery.notify.alert_messages import alert
from coinquery.notify.announcer import Announcer

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.monitor.alerts import Notice
    from coinquery.monitor.configuration import Configuration

logger = logging.getLogger(__name__)


class Team:
    """Who is told of alerts in one region. Without a webhook the log has to do."""

    def __init__(self, configuration: Configuration, aws: Aws, region: str, clock: Clock) -> None:
        self._announcer = Announcer(configuration.webhook, aws, configuration.home, clock)
        self._has_slack = bool(configuration.webhook)
        self._region = region

    def tell(self, notice: Notice) -> bool:
        """Tell of one notice; whether it is told. A Slack that fails is tried again by the next sweep."""
        logger.warning("%s %s: %s", notice.kind, notice.severity, notice.title)
        if not self._has_slack:
            return True
        delivery = self._announcer.tell(alert(notice, self._region))
        if not delivery.delivered:
            logger.error("not told: %s", delivery.problem)
        return delivery.delivered
