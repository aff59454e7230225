"""Where a chain's head is, from what independent witnesses say: a liar above or below moves nothing.

Witnesses are references, and the nodes of other stacks by what the last sweeps recorded; a stack's own nodes are no
witnesses for it. A witness says a height, and by that vouches for every height below it. The head is the highest height
that two witnesses vouch for who agree within the coin's tolerance, one of them a reference. Otherwise there is no
head, and nobody is judged to be in step (I13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from coinquery.nodes import anchors

#: Witnesses that must agree.
QUORUM = 2

Height = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one witness says of a coin's chain, and when: its best block, that block's time, and hashes of blocks below.

    ``by`` is a reference's host and port, or a stack's name.
    """

    coin: str
    by: str
    kind: Literal["reference", "stack"]
    at: datetime
    height: Height
    time: datetime | None = None
    hashes: dict[int, str] = {}


class Anchor(msgspec.Struct, frozen=True):
    """A block some depth below the head; every node of the chain has this hash at this height."""

    height: Height
    hash: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The network's best block as far as its witnesses can tell.

    ``height`` is None where too few vouch; ``asked`` counts the witnesses that there are, ``vouched`` those whose word
    the height rests on. ``anchors`` are the blocks below it whose hashes are agreed on, highest first. ``why`` says in
    words why there is no height.
    """

    height: Height | None = None
    time: datetime | None = None
    asked: int = 0
    vouched: int = 0
    anchors: tuple[Anchor, ...] = ()
    why: str = ""


def agree(words: Iterable[Word], asked: int, tolerance_blocks: int) -> Head:
    """The head that enough of ``asked`` witnesses vouch for; ``words`` are of those that said something."""
    ranked = sorted(words, key=lambda word: word.height, reverse=True)
    for higher, lower in pairwise(ranked):
        if higher.height - lower.height <= tolerance_blocks and "reference" in (higher.kind, lower.kind):
            vouched = sum(lower.height <= word.height <= lower.height + tolerance_blocks for word in ranked)
            head = Head(height=lower.height, time=lower.time, asked=asked, vouched=vouched)
            return msgspec.structs.replace(head, anchors=_anchors(ranked, lower.height))
    return Head(asked=asked, why=_why(ranked, asked))


def _anchors(words: Sequence[Word], head: int) -> tuple[Anchor, ...]:
    """The blocks far enough below the head whose hashes are agreed on as the head is."""
    agreed = (
        (height, agree_on_hash([word for word in words if height in word.hashes], height))
        for height in anchors.heights(head)
    )
    return tuple(Anchor(height, found) for height, found in agreed if found is not None)


def agree_on_hash(words: Sequence[Word], height: int) -> str | None:
    """The hash that two of the words give for a height, one of them a reference's, if no other has as many votes."""
    votes = Counter(word.hashes[height] for word in words).most_common(2)
    if not votes or votes[0][1] < QUORUM or (len(votes) > 1 and votes[1][1] == votes[0][1]):
        return None
    agreed = votes[0][0]
    return agreed if any(word.kind == "reference" and word.hashes[height] == agreed for word in words) else None


def _why(ranked: Sequence[Word], asked: int) -> str:
    if asked == 0:
        return "no reference is configured"
    said = ", ".join(f"{word.by} says {word.height}" for word in ranked)
    if len(ranked) < QUORUM:
        return f"{len(ranked)} of {asked} witnesses can be heard, {QUORUM} must agree" + (f": {said}" if said else "")
    return f"no two of {asked} witnesses agree, one of them a reference: {said}"
