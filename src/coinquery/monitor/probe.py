"""Look at one instance: one request for ``/info``, by which the service tells what it and its node are."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from coinquery.monitor import fetch
from coinquery.monitor.evidence import Failure, Seen, Volume
from coinquery.monitor.head import Height
from coinquery.monitor.records import Moment
from coinquery.monitor.web import parse
from coinquery.nodes import NodeError, NodeMalformed
from coinquery.nodes.rpc import excerpt
from coinquery.nodes.values import text

SERVICE_PORT = 8080
#: The longest ``/info`` that is read, in bytes; an honest one has about 1,200.
LONGEST = 2**16

Text = Annotated[str, msgspec.Meta(max_length=256)]


async def look(address: str, seconds: float) -> tuple[Seen, Failure | None]:
    """What the instance shows within ``seconds``, and why it could not be seen in full. Never raises NodeError."""
    try:
        reply = await fetch.get(address, SERVICE_PORT, "/info", seconds, LONGEST)
        if reply.status != 200:
            raise NodeMalformed(f"HTTP {reply.status}: {excerpt(reply.body)}")
        return _seen(parse(reply.body, _Info))
    except NodeError as error:
        return Seen(), Failure("malformed" if isinstance(error, NodeMalformed) else "unreachable", str(error))


class _Result(msgspec.Struct, rename="camel", kw_only=True):
    """``/info``'s result. What is not there was not shown; what is of another kind makes the answer malformed."""

    commit_hash: Text | None = None
    client: Text | None = None
    client_version: Text | None = msgspec.field(name="ClientVersion", default=None)
    chain: Text | None = None
    height: Height | None = None
    head_time: Moment | None = None
    syncing: bool | None = None
    progress: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    anchors: Annotated[dict[Height, Text], msgspec.Meta(max_length=16)] | None = None
    volume: Volume | None = None
    failure: Literal["malformed", "unreachable"] | None = None
    in_step: bool | None = None
    reasons: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...], msgspec.Meta(max_length=16)] = ()


class _Info(msgspec.Struct):
    status: str
    message: str
    result: _Result


def _seen(info: _Info) -> tuple[Seen, Failure | None]:
    result = info.result
    seen = Seen(
        commit=text(result.commit_hash),
        client=text(" ".join(filter(None, (result.client, result.client_version)))),
        chain=text(result.chain),
        height=result.height,
        block_time=result.head_time,
        syncing=result.syncing,
        progress=result.progress,
        anchors=result.anchors or {},
        volume=result.volume,
        health=_health(result),
    )
    if info.status == "1" and result.failure is None:
        return seen, None
    return seen, Failure(result.failure or "unreachable", f"its node: {text(info.message)}")


def _health(result: _Result) -> str | None:
    if result.in_step is None:
        return None
    return "in step" if result.in_step else text("; ".join(result.reasons)) or "not in step"
