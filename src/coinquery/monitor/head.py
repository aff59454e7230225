"""Where a chain's head is, from what independent witnesses say: a liar above or below moves nothing.

A witness says a height, and by that vouches for every height below it. Where two or more are configured, the head is
the lower of the two highest that agree within the coin's tolerance: the highest height that two vouch for. Where only
one is configured, its word has to do, and the head says that one reference vouched. Otherwise there is no head (I13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated

import msgspec

#: Blocks below the head whose hash is compared: deep enough that honest nodes agree on it through a reorganisation.
ANCHOR_DEPTH = 6

Height = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Tip(msgspec.Struct, frozen=True):
    """What one witness says: the height of its best block, and that block's time where it tells."""

    height: Height
    time: datetime | None = None


class Anchor(msgspec.Struct, frozen=True):
    """A block some depth below the head; every node of the chain has this hash at this height."""

    height: Height
    hash: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The network's best block as far as its witnesses can tell.

    ``height`` is None where too few vouch; ``asked`` counts the witnesses configured, ``vouched`` those whose word the
    height rests on. ``why`` says in words why there is no height.
    """

    height: Height | None = None
    time: datetime | None = None
    asked: int = 0
    vouched: int = 0
    anchor: Anchor | None = None
    why: str = ""


def agree(tips: Iterable[Tip], asked: int, tolerance_blocks: int) -> Head:
    """The head that enough of ``asked`` witnesses vouch for; ``tips`` are of those that answered."""
    ranked = sorted(tips, key=lambda tip: tip.height, reverse=True)
    if asked == 1 and len(ranked) == 1:
        return Head(height=ranked[0].height, time=ranked[0].time, asked=1, vouched=1)
    for higher, lower in pairwise(ranked):
        if higher.height - lower.height <= tolerance_blocks:
            vouched = sum(tip.height >= lower.height for tip in ranked)
            return Head(height=lower.height, time=lower.time, asked=asked, vouched=vouched)
    return Head(asked=asked, why=_why(ranked, asked))


def agree_on_hash(hashes: Sequence[str], asked: int) -> str | None:
    """The hash that two witnesses give (or the only one configured), if no other has as many votes."""
    votes = Counter(hashes).most_common(2)
    needed = min(asked, 2)
    if not votes or votes[0][1] < needed or (len(votes) == 2 and votes[1][1] == votes[0][1]):
        return None
    return votes[0][0]


def _why(ranked: Sequence[Tip], asked: int) -> str:
    if asked == 0:
        return "no reference is configured"
    heights = ", ".join(str(tip.height) for tip in ranked)
    if len(ranked) > 1:
        return f"no two of {asked} references agree: heights {heights}"
    if ranked:
        return f"1 of {asked} references answered: height {heights}, and no second vouches for it"
    return f"none of {asked} references answered"
