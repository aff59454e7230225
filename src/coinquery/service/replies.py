"""The service's own replies."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

JSON = "application/json"


def document(content: dict[str, Any], status: int = 200) -> web.Response:
    """A JSON document."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type=JSON)
