"""What a node says of itself at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coinquery.nodes.errors import NodeError


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """A node's own view of its chain. None is "unknown", never zero and never "no" (I13).

    ``height``, ``head_time`` (UTC) and ``head_hash`` are of the node's best block. ``target`` is the height that the
    node believes the network has; it can be less than ``height`` for a while after a reorganisation. ``chain`` is the
    chain id in decimals (evm) or the hash of block 0 (bitcoin). ``client`` is what the node calls itself.
    ``progress`` is a number that changes while the node works its way to the head, even while its height stands still.
    ``failure`` is why ``height`` or ``chain`` is unknown.
    """

    height: int | None = None
    head_time: datetime | None = None
    head_hash: str | None = None
    target: int | None = None
    syncing: bool | None = None
    progress: int | None = None
    chain: str | None = None
    client: str | None = None
    peers: int | None = None
    failure: NodeError | None = None

    @property
    def error(self) -> str | None:
        """The text of the failure, if there is one."""
        return None if self.failure is None else str(self.failure)
