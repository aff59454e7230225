"""How asking a node can fail: no answer, an answer that can't be read, or a refusal."""

from __future__ import annotations

#: The JSON-RPC code (EIP-1474, "resource unavailable") with which the service says that its node does not answer.
UNAVAILABLE = -32002


class NodeError(Exception):
    """A node gave no usable answer. The text is one clause, without the node's address or credentials."""


class NodeUnreachable(NodeError):
    """No answer: no connection, a connection that broke, or a limit of time that ran out."""


class NodeMalformed(NodeError):
    """An answer that is not what the protocol promises."""


class NodeRefused(NodeError):
    """The node answered that it won't or can't; ``code`` is JSON-RPC's, or HTTP's where there is no other."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"refused ({code}): {message}")
        self.code = code
