"""The team, as the monitor reaches it: each notice is a message in Slack, what must wake somebody goes to the pager.

An outage has an alarm of its own, which the stack brings along and which pages; it is not sent to the pager twice.
"""

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
    from coinquery.notify.messages import Message

logger = logging.getLogger(__name__)

#: The longest subject that SNS takes, in characters.
SUBJECT = 100


class Team:
    """Who is told of alerts in one region: Slack, and the pager's ``topic``; ``""`` where there is none."""

    def __init__(self, configuration: Configuration, aws: Aws, region: str, clock: Clock, topic: str = "") -> None:
        self._announcer = Announcer(configuration.webhook, aws, configuration.home, clock, attempts=1)
        self._has_slack = bool(configuration.webhook)
        self._aws = aws
        self._region = region
        self._topic = topic

    def tell(self, notice: Notice) -> bool:
        """Tell of one notice; whether it is told everywhere. What fails is tried again by the next sweep."""
        logger.warning("%s %s: %s", notice.kind, notice.severity, notice.title)
        message = alert(notice, self._region)
        told = [self._tell_slack(message)] if self._has_slack else []
        if self._topic and notice.severity == "page" and not notice.key.startswith("outage:"):
            told.append(self._tell_pager(message))
        return all(told)

    def _tell_slack(self, message: Message) -> bool:
        delivery = self._announcer.tell(message)
        if not delivery.delivered:
            logger.error("Slack was not told: %s", delivery.problem)
        return delivery.delivered

    def _tell_pager(self, message: Message) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        text = str(message["text"])
        subject = text.partition(".")[0].encode("ascii", "replace").decode()[:SUBJECT]
        try:
            self._aws.sns(self._region).publish(TopicArn=self._topic, Subject=subject, Message=text)
        except (BotoCoreError, ClientError) as error:
            logger.error("the pager was not told: %s", error)
            return False
        return True
