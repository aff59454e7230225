"""The team, as the monitor reaches it: each notice is a message in Slack, what must wake somebody goes to the pager."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from coinquery.notify import alert_messages, pager
from coinquery.notify.announcer import Announcer

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.monitor.alerts import Channel, Notice
    from coinquery.monitor.configuration import Configuration

logger = logging.getLogger(__name__)


class Team:
    """Who is told of alerts in one region: Slack, and the pager's ``topic``; ``""`` where there is none."""

    def __init__(self, configuration: Configuration, aws: Aws, region: str, clock: Clock, topic: str = "") -> None:
        self._announcer = Announcer(configuration.webhook, aws, configuration.home, clock, attempts=1)
        self._has_slack = bool(configuration.webhook)
        self._aws = aws
        self._region = region
        self._topic = topic

    def tell(self, notice: Notice, channel: Channel) -> bool:
        """Tell one channel of a notice; whether it is told. What fails is tried again by the next sweep.

        A channel that there is not is told by the log, so that nothing waits for it.
        """
        logger.warning("%s %s: %s (%s)", notice.kind, notice.severity, notice.title, channel)
        problem = self._tell_pager(notice) if channel == "pager" else self._tell_slack(notice)
        if problem:
            logger.error("not told: %s", problem)
        return not problem

    def _tell_slack(self, notice: Notice) -> str:
        if not self._has_slack:
            return ""
        return self._announcer.tell(alert_messages.alert(notice, self._region)).problem

    def _tell_pager(self, notice: Notice) -> str:
        if not self._topic:
            return ""
        return pager.publish(self._aws.sns(self._region), self._topic, *alert_messages.pager(notice, self._region))
