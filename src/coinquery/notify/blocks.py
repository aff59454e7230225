"""Slack's Block Kit: the few blocks in use, escaped and cut to Slack's limits.

Limits and escapes are those of Slack's reference: a header 150 characters of plain text, a section's text 3,000 and
each of at most 10 fields 2,000, a context at most 10 elements, a message at most 50 blocks; ``&``, ``<`` and ``>``
are control characters in mrkdwn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

Block = dict[str, Any]

HEADER_LIMIT, TEXT_LIMIT, FIELD_LIMIT = 150, 3000, 2000
FIELDS_LIMIT, ELEMENTS_LIMIT, BLOCKS_LIMIT = 10, 10, 50

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CUT = "…"


def header(text: str) -> Block:
    """A message's title, plain text."""
    shown = " ".join(text.split()) or _CUT
    return {"type": "header", "text": {"type": "plain_text", "text": _shorten(shown, HEADER_LIMIT), "emoji": False}}


def section(text: str) -> Block:
    """A paragraph; ``text`` is shown as it is, whatever it holds."""
    return {"type": "section", "text": _mrkdwn(escape(text, TEXT_LIMIT))}


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Pairs of a label and its value, in two columns; values are mrkdwn made by ``escape`` or ``link``."""
    shown = [_mrkdwn(f"*{label}*\n{value}") for label, value in pairs]
    return {"type": "section", "fields": shown[:FIELDS_LIMIT]}


def context(texts: Sequence[str]) -> Block:
    """A line of small print; texts are mrkdwn made by ``escape`` or ``link``."""
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts[:ELEMENTS_LIMIT]]}


def escape(text: str, limit: int = 500) -> str:
    """The text as mrkdwn that shows it, at most ``limit`` characters long and never cut within an escape."""
    escaped = text.translate(_ESCAPES)
    if len(escaped) <= limit:
        return escaped or _CUT
    kept, length = [], 0
    for character in text:
        piece = character.translate(_ESCAPES)
        length += len(piece)
        if length > limit - len(_CUT):
            break
        kept.append(piece)
    return "".join(kept) + _CUT


def link(address: str, text: str) -> str:
    """The text as a link; without an address, or with one too long for a field, the text alone."""
    shown = escape(" ".join(text.split()), 200).replace("|", "¦")
    target = quote(address, safe="/:?#[]@!$&'()*+,;=%~-._").replace("&", "&amp;")
    return f"<{target}|{shown}>" if address and len(target) < 1500 else shown


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT
