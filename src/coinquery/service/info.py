"""``/info``: what runs here, in the shape that clients of the first system know, with more members."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coinquery.nodes import NodeError, NodeMalformed, NodeState
from coinquery.service.build import Build
from coinquery.service.settings import Settings

# geth says "Geth/v1.8.1-stable-1e67410e/linux-amd64/go1.9.4", litecoind "/LitecoinCore:0.21.2.1/".
_CLIENT = re.compile(r"/?([^/:]+)[/:]v?([^/+(]+?)(?:-[0-9a-f]{8})?(?:[/+(].*)?")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the node and its volume; ``reasons`` are why the node is not in step, none if it is."""

    state: NodeState
    anchors: dict[int, str] | None
    volume: dict[str, int | None] | None
    reasons: list[str]


def info(settings: Settings, build: Build, facts: Facts) -> dict[str, Any]:
    """The document. It tells the commit whatever the node does; ``status`` is "0" where the node gives no answer."""
    state = facts.state
    client, version = split_client(state.client)
    return {
        "status": "1" if state.error is None else "0",
        "message": state.error or "OK",
        "result": {
            "commitHash": build.commit,
            "buildTimestamp": build.date,
            "client": client,
            "ClientVersion": version,
            "coin": settings.coin,
            "release": settings.release,
            "stack": settings.stack,
            "chain": state.chain,
            "height": state.height,
            "headTime": iso(state.head_time),
            "headHash": state.head_hash,
            "syncing": state.syncing,
            "progress": state.progress,
            "anchors": facts.anchors,
            "volume": facts.volume,
            "failure": None if state.failure is None else kind(state.failure),
            "inStep": not facts.reasons,
            "reasons": facts.reasons,
        },
    }


def kind(failure: NodeError) -> str:
    """How a node failed to answer: ``malformed`` for an answer that is none, else ``unreachable``."""
    return "malformed" if isinstance(failure, NodeMalformed) else "unreachable"


def split_client(said: str | None) -> tuple[str | None, str | None]:
    """A client's name, in small letters, and its version, out of what it calls itself."""
    match = _CLIENT.fullmatch(said or "")
    return (match[1].lower(), match[2]) if match else (said, None)


def iso(time: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")
