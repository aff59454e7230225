"""The rules that Slack publishes for incoming webhooks and Block Kit, as a checker in our own words.

Source: Slack's reference of blocks (header, section, context) and of text objects, and the error names of its
incoming webhooks. Only the blocks that CoinQuery sends are known; anything else is a violation.
"""

from __future__ import annotations

import re
from typing import Any

MRKDWN_ESCAPES = re.compile(r"&(?!amp;|lt;|gt;)")
#: A link ``<address|text>``: the only use of angle brackets that our messages may make.
LINK = re.compile(r"<https?://[^<>|\s]+\|[^<>|]+>")


def violations(message: Any) -> list[str]:
    """What Slack would refuse or garble in a message; empty when it is right."""
    if not isinstance(message, dict) or not set(message) <= {"text", "blocks"}:
        return ["invalid_payload"]
    found = []
    text, blocks = message.get("text"), message.get("blocks", [])
    if not isinstance(text, str) or not 1 <= len(text) <= 40_000:
        found.append("no_text")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        return [*found, "invalid_blocks: 1 to 50 blocks"]
    for index, block in enumerate(blocks):
        found += [f"invalid_blocks: block {index}: {problem}" for problem in _block(block)]
    return found


def _block(block: Any) -> list[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "header":
        return _keys(block, {"type", "text"}) + _text(block["text"], {"plain_text"}, 150)
    if kind == "section":
        return _keys(block, {"type", "text", "fields"}) + _section(block)
    if kind == "context":
        elements = block.get("elements", [])
        return (
            _keys(block, {"type", "elements"})
            + ([] if 1 <= len(elements) <= 10 else ["1 to 10 elements"])
            + [problem for element in elements for problem in _text(element, {"mrkdwn", "plain_text"}, 3000)]
        )
    return [f"unknown type {kind!r}"]


def _section(block: dict[str, Any]) -> list[str]:
    if "text" not in block and "fields" not in block:
        return ["a section needs text or fields"]
    found = _text(block["text"], {"mrkdwn", "plain_text"}, 3000) if "text" in block else []
    fields = block.get("fields", [])
    if "fields" in block and not 1 <= len(fields) <= 10:
        found.append("1 to 10 fields")
    return found + [problem for field in fields for problem in _text(field, {"mrkdwn", "plain_text"}, 2000)]


def _text(text: Any, kinds: set[str], limit: int) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return ["not a text object"]
    allowed = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}[text["type"]]
    found = _keys(text, allowed)
    if not 1 <= len(text["text"]) <= limit:
        found.append(f"1 to {limit} characters, not {len(text['text'])}")
    if text["type"] == "mrkdwn":
        rest = LINK.sub("", text["text"])
        if "<" in rest or ">" in rest or MRKDWN_ESCAPES.search(text["text"]):
            found.append("a control character is not escaped")
    return found


def _keys(thing: dict[str, Any], allowed: set[str]) -> list[str]:
    return [f"unknown key {key!r}" for key in sorted(set(thing) - allowed)]
