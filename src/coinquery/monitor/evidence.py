"""What a judgement of one instance rests on: what it showed, what was seen of it before, where its chain's head is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from coinquery.monitor.configuration import Watched
from coinquery.monitor.head import Anchor, Head, Height
from coinquery.nodes import anchors


class Failure(msgspec.Struct, frozen=True):
    """Why an instance could not be seen in full: no answer, or no usable one."""

    kind: Literal["unreachable", "malformed"]
    what: str


class Volume(msgspec.Struct, frozen=True):
    """The filesystem with the chain's data: its size and what is free in bytes, its growth in bytes a day if known."""

    size: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    free: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    growth: Annotated[float, msgspec.Meta(ge=-(2**62), le=2**62)] | None = None

    @property
    def days(self) -> float | None:
        """Days until it is full; None if it does not grow, or nobody knows how fast."""
        return self.free / self.growth if self.growth is not None and self.growth > 0 else None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance showed. None is "it did not show"; it never stands for 0 or false.

    ``chain`` is the chain id or the hash of block 0, ``anchors`` are hashes of the node's blocks by height,
    ``progress`` is a number that changes while the node works its way to the head, even while its height stands still.
    ``syncing`` is what the node, ``health`` what the service says of itself (kept, not believed).
    """

    commit: str | None = None
    client: str | None = None
    chain: str | None = None
    height: Height | None = None
    block_time: datetime | None = None
    syncing: bool | None = None
    progress: int | None = None
    anchors: dict[int, str] = {}
    volume: Volume | None = None
    health: str | None = None


class Sighting(msgspec.Struct, frozen=True):
    """What an earlier record of the same instance says: when, its height and progress, and the head then."""

    time: datetime
    height: Height
    head: Height | None = None
    progress: int | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a judgement rests on.

    ``unprotected`` names what of the stack's protection is off; None is "AWS did not say".
    """

    now: datetime
    launched: datetime
    coin: Watched
    expected_commit: str
    unprotected: tuple[str, ...] | None
    head: Head
    seen: Seen = Seen()
    failure: Failure | None = None
    previous: Sighting | None = None

    @property
    def in_grace(self) -> bool:
        """Whether the instance is young enough that not answering and being behind are no fault."""
        return (self.now - self.launched).total_seconds() < self.coin.grace

    @property
    def compared(self) -> tuple[Anchor, ...]:
        """The blocks whose hashes are agreed on and that the node told of, highest first."""
        return tuple(anchor for anchor in self.head.anchors if anchor.height in self.seen.anchors)

    @property
    def is_on_the_chain(self) -> bool | None:
        """Whether its blocks are the network's; None where no block can be compared, though the chain has some."""
        if self.head.height is None or anchors.height(self.head.height) is None:
            return True
        return all(self.seen.anchors[each.height] == each.hash for each in self.compared) if self.compared else None

    @property
    def lag_blocks(self) -> int | None:
        """Blocks behind the head; 0 where level or ahead."""
        if self.seen.height is None or self.head.height is None:
            return None
        return max(0, self.head.height - self.seen.height)

    @property
    def lag_seconds(self) -> int | None:
        """Seconds behind the head: between the two blocks' times, or the coin's block time for each block."""
        blocks = self.lag_blocks
        if not blocks:
            return blocks
        if self.head.time is not None and self.seen.block_time is not None:
            return max(0, round((self.head.time - self.seen.block_time).total_seconds()))
        return round(blocks * self.coin.block_time)

    @property
    def age(self) -> int | None:
        """Seconds since the node's best block."""
        return None if self.seen.block_time is None else round((self.now - self.seen.block_time).total_seconds())

    @property
    def rate(self) -> float | None:
        """Blocks a second that the node gained since the earlier sighting."""
        if self.previous is None or self.seen.height is None or self.now <= self.previous.time:
            return None
        return (self.seen.height - self.previous.height) / (self.now - self.previous.time).total_seconds()

    @property
    def stands_still(self) -> bool:
        """Whether the node has not moved for as long as the coin's patience, while the head did."""
        before = self.previous
        if before is None or before.head is None or self.head.height is None or self.seen.height is None:
            return False
        long_enough = (self.now - before.time).total_seconds() >= self.coin.patience
        moved = self.seen.height > before.height or self.seen.progress != before.progress
        return long_enough and not moved and self.head.height > before.head

    @property
    def eta_seconds(self) -> int | None:
        """Seconds until the node has caught up, at the rate at which it gains on the chain; None if it does not."""
        gain = (self.rate or 0) - 1 / self.coin.block_time
        return round(self.lag_blocks / gain) if self.lag_blocks and gain > 0 else None
