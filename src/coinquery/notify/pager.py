"""Tell the team's own pager, through an SNS topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

#: Amazon SNS: a subject has at most 99 characters, ASCII without line breaks.
SUBJECT_LIMIT = 99


def publish(sns: SNSClient, topic: str, subject: str, text: str) -> str:
    """Publish; return the problem in one sentence, ``""`` if there is none."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        sns.publish(TopicArn=topic, Subject=fit(subject), Message=text)
    except (BotoCoreError, ClientError) as error:
        return f"the pager's topic: {error}"
    return ""


def fit(subject: str) -> str:
    """A subject as SNS takes it."""
    return " ".join(subject.encode("ascii", "replace").decode().split())[:SUBJECT_LIMIT]
