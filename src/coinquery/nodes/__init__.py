"""How to ask a node: one module a dialect, used by the service beside the node and by the health monitor alike."""

from typing import Protocol

from coinquery.nodes import bitcoin, evm
from coinquery.nodes.cookie import Cookie
from coinquery.nodes.errors import NodeError, NodeMalformed, NodeRefused, NodeUnreachable
from coinquery.nodes.model import NodeState
from coinquery.nodes.rpc import Rpc


class Dialect(Protocol):
    """What each dialect's module offers."""

    async def observe(self, rpc: Rpc) -> NodeState:
        """What the node says of itself. Never raises NodeError: what can't be learnt is None."""
        ...

    async def block_hash(self, rpc: Rpc, height: int) -> str:
        """The hash of the block at a height. Raises NodeError; NodeRefused where the node has no such block."""
        ...


DIALECTS: dict[str, Dialect] = {"evm": evm, "bitcoin": bitcoin}

__all__ = [
    "DIALECTS",
    "Cookie",
    "Dialect",
    "NodeError",
    "NodeMalformed",
    "NodeRefused",
    "NodeState",
    "NodeUnreachable",
    "Rpc",
]
