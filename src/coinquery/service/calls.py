"""Read a JSON-RPC request, keep what may be forwarded, and write it anew.

What is forwarded is what was understood: four known members of each call, written by us. So a member given twice, in
other letters, or in an unusual encoding can't mean one thing here and another to the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INTERNAL_ERROR = -32700, -32600, -32601, -32603  # JSON-RPC 2.0
LIMIT_EXCEEDED = -32005  # EIP-1474

Id = str | int | float | None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. A missing ``id`` becomes null, so that every call has an answer."""

    jsonrpc: Literal["1.0", "1.1", "2.0"] | msgspec.UnsetType = msgspec.UNSET
    id: Id = None
    method: str
    params: list[Any] | dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


class Unacceptable(Exception):
    """A request of which nothing can be carried out. ``status`` is HTTP's, ``code`` JSON-RPC's."""

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Request:
    """The calls that may be forwarded, and the answers to those that may not."""

    calls: tuple[Call, ...]
    refusals: tuple[dict[str, Any], ...]
    is_batch: bool

    def body(self) -> bytes:
        """What is sent to the node."""
        return msgspec.json.encode(self.calls if self.is_batch else self.calls[0])

    def answer(self, code: int, message: str) -> bytes:
        """The answer where the node gives none: our refusals, and this error for each call that is not refused."""
        answers = [*self.refusals, *(failure(call.id, code, message) for call in self.calls)]
        return msgspec.json.encode(answers if self.is_batch else answers[0])

    def around(self, first: bytes) -> tuple[bytes, bytes]:
        """The beginning of the node's reply with our refusals put in, and what must follow its end.

        The node has seen a batch without the calls that were refused; a batch's answers may stand in any order. It
        may also answer a whole batch with one object, when it refuses it.
        """
        if not self.refusals:
            return first, b""
        ours, theirs = msgspec.json.encode(self.refusals)[:-1], first.lstrip()
        if not theirs.startswith(b"["):
            return ours + b"," + theirs, b"]"
        rest = theirs[1:].lstrip()
        return ours + (b"" if rest.startswith(b"]") else b",") + rest, b""


def read(body: bytes, allowed: frozenset[str], longest: int) -> Request:
    """Read a request's body, a call or a batch of at most ``longest`` calls, each looked at on its own.

    Raises Unacceptable where it is neither.
    """
    try:
        data = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Unacceptable(PARSE_ERROR, "the body is not JSON", 400) from None
    entries = data if isinstance(data, list) else [data]
    if not entries:
        raise Unacceptable(INVALID_REQUEST, "the batch is empty")
    if len(entries) > longest:
        raise Unacceptable(LIMIT_EXCEEDED, f"the batch has {len(entries)} calls, the limit is {longest}")
    looked_at = [_look(entry, allowed) for entry in entries]
    return Request(
        tuple(each for each in looked_at if isinstance(each, Call)),
        tuple(each for each in looked_at if isinstance(each, dict)),
        isinstance(data, list),
    )


def failure(number: Id, code: int, message: str) -> dict[str, Any]:
    """A JSON-RPC error object, with the call's own id."""
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _look(entry: Any, allowed: frozenset[str]) -> Call | dict[str, Any]:
    """The call, if it may be forwarded; otherwise the answer that refuses it."""
    try:
        call = msgspec.convert(entry, Call)
    except msgspec.ValidationError as error:
        return failure(_id(entry), INVALID_REQUEST, f"not a JSON-RPC call: {error}")
    if call.method not in allowed:
        return failure(call.id, METHOD_NOT_FOUND, "the method does not exist or is not offered here")
    return call


def _id(entry: Any) -> Id:
    """The id of a call that is wrong in some other way."""
    number = entry.get("id") if isinstance(entry, dict) else None
    return number if isinstance(number, str | int | float) and not isinstance(number, bool) else None
