"""An alert in Slack: one look is enough, and Slack takes it whatever a node has said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.alerts import Alert, Kind, Notice, step
from coinquery.monitor.finding import Severity
from coinquery.monitor.findings import TITLES
from coinquery.monitor.outlook import InstanceOutlook, NameOutlook, Outlook, StackOutlook
from coinquery.notify.alert_messages import alert
from tests.slack_rules import violations

NIGHT = datetime(2026, 3, 1, 3, tzinfo=UTC)
TEXTS = (
    st.text(max_size=200) | st.text("<>&|*_`@#!\n é😀", max_size=6000) | st.sampled_from(["", "<!channel>", "&amp;"])
)


def outage(reason: str = "connection refused") -> Notice:
    """The page of a live stack, made by three sweeps."""
    before: tuple[Alert, ...] = ()
    for minute in range(3):
        instance = InstanceOutlook(instance="i-0a", verdict="unreachable", reason=reason)
        stack = StackOutlook(stack="cq-eth-0002-prod", coin="eth", role="live", expected=1, instances=(instance,))
        name = NameOutlook(coin="eth", name="eth.example.com", stack=stack.stack, answers=None)
        made = step(
            before,
            Outlook(
                time=NIGHT + timedelta(minutes=minute), sweep="s", region="us-east-1", stacks=(stack,), names=(name,)
            ),
        )
        before = made.alerts
    (notice,) = made.notices
    return notice


def texts(message: Any) -> list[str]:
    """What is shown, block by block."""
    shown = []
    for block in message["blocks"]:
        shown += [block["text"]["text"]] if "text" in block else [each["text"] for each in block["elements"]]
    return shown


def test_a_page_says_what_is_left_since_when_and_what_to_do() -> None:
    message = alert(outage(), "us-east-1")
    assert violations(message) == []
    title, body, *small_print = texts(message)
    assert title == "PAGE: outage of cq-eth-0002-prod"
    assert body.split("\n") == [
        "0 of 1 instances serve.",
        "eth.example.com leads to it. i-0a is unreachable: connection refused.",
        "Since 2026-03-01 03:00Z, in 3 of the last 3 sweeps.",
        "There is no way back: mend it, or `cq deploy` the release that is wanted. Look: `cq status cq-eth-0002-prod`.",
    ]
    assert small_print == ["us-east-1", "docs/alerts.md#outage", "Told once; the all-clear follows."]
    assert message["text"].startswith("PAGE: outage of cq-eth-0002-prod. 0 of 1 instances serve.")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "severity", "first"),
    [
        ("raised", "page", "PAGE"),
        ("raised", "warning", "Warning"),
        ("escalated", "page", "PAGE"),
        ("resolved", "page", "Resolved"),
        ("resolved", "warning", "Resolved"),
        ("closed", "page", "Closed"),
    ],
)
def test_the_first_word_says_whether_to_get_up(kind: Kind, severity: Severity, first: str) -> None:
    notice = Notice(key="outage:cq-eth-0002-prod", kind=kind, severity=severity, title="it", sentences=("So.",))
    message = alert(notice, "us-east-1")
    assert texts(message)[0] == f"{first}: it"
    assert str(message["text"]).startswith(f"{first}: it")


@given(TEXTS)
def test_slack_takes_a_page_whatever_a_node_says(reason: str) -> None:
    assert violations(alert(outage(reason), "us-east-1")) == []


@given(
    st.sampled_from(["raised", "escalated", "resolved", "closed"]),
    st.sampled_from(sorted(TITLES)),
    TEXTS,
    st.lists(TEXTS, max_size=6),
)
def test_slack_takes_every_notice(kind: Kind, of: str, title: str, sentences: list[str]) -> None:
    notice = Notice(key=f"{of}:x", kind=kind, severity="page", title=title, sentences=tuple(sentences))
    assert violations(alert(notice, "us-east-1")) == []
