"""A coin's name under load: a client that never stops asking while something is done to its stacks (I8)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from coinquery.local.demo.client import Client
from coinquery.local.state import HTTPS_PORT
from tests.teams import Team


@contextmanager
def load(team: Team, coin: str) -> Iterator[Client]:
    """A client with 20 connections that never retries, for as long as the block runs."""
    verify = team.config.verify
    client = Client(f"{coin}.example.com", HTTPS_PORT, verify.name_servers[0], verify.ca_bundle)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(client.ask_until(stop),))
    thread.start()
    try:
        yield client
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
