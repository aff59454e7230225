"""Mark a message that may have been delivered before (I11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.notify.blocks import BLOCKS_LIMIT, context

if TYPE_CHECKING:
    from coinquery.notify.messages import Message

BEGINNING = "Possible repeat"


def marked(message: Message) -> Message:
    """The message with a line of small print that it may be one too many; unchanged if it says so already."""
    blocks = message.get("blocks")
    shown = blocks if isinstance(blocks, list) else []
    if BEGINNING in repr(shown):
        return message
    said = context([f"{BEGINNING}: an earlier try may have arrived"])
    return {**message, "blocks": [*shown[: BLOCKS_LIMIT - 1], said]}
