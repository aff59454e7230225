"""The wording of alerts in Slack: one look is enough at 3 a.m."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.notify.blocks import context, escape, header, section
from coinquery.notify.messages import Message

if TYPE_CHECKING:
    from coinquery.monitor.alerts import Notice

#: Characters that a telephone's lock screen and old clients are given.
_TEXT_LIMIT = 1000


def alert(notice: Notice, region: str) -> Message:
    """The message of one notice: first whether to get up, then what, what is left, since when, and what to do."""
    title = f"{_first_word(notice)}: {notice.title}"
    anchor = notice.key.partition(":")[0]
    return {
        "text": escape(f"{title}. {' '.join(notice.sentences)}", _TEXT_LIMIT),
        "blocks": [
            header(title),
            section("\n".join(notice.sentences)),
            context([escape(region), escape(f"docs/alerts.md#{anchor}"), escape(_small_print(notice))]),
        ],
    }


def pager(notice: Notice, region: str) -> tuple[str, str]:
    """Subject and text for the pager."""
    title = f"{_first_word(notice)}: {notice.title}"
    small_print = (f"{region}, docs/alerts.md#{notice.key.partition(':')[0]}", _small_print(notice))
    return title, "\n".join([title, "", *notice.sentences, "", *small_print])


def _first_word(notice: Notice) -> str:
    if notice.kind in ("resolved", "closed"):
        return notice.kind.capitalize()
    return "PAGE" if notice.severity == "page" else "Warning"


def _small_print(notice: Notice) -> str:
    return {
        "raised": "Told once; the all-clear follows.",
        "escalated": "It was a warning before.",
        "resolved": f"It was a {notice.severity}.",
        "closed": f"It was a {notice.severity}; there will be no all-clear.",
    }[notice.kind]
