"""Each local chain has two public nodes that are witnesses for each other (I13: one alone vouches for nothing)."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from coinquery import config
from coinquery.coins import Reference
from coinquery.local import chains, evm_miner, ports, toolchain
from coinquery.local.follower import call
from coinquery.local.supervisor import Supervisor
from tests.worlds import World, free_state

TICKERS = [
    "eth",
    pytest.param("ltc", marks=pytest.mark.skipif(toolchain.litecoind() is None, reason="needs litecoind")),
]


def height(reference: Reference) -> int:
    """What a reference says, asked in its own shape."""
    if reference.shape == "evm":
        return int(call(reference.url, "eth_blockNumber"), 16)
    with urllib.request.urlopen(f"{reference.url}/api/status", timeout=5) as reply:
        return int(json.load(reply)["info"]["blocks"])


def until(what: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := what()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds


@pytest.mark.local_aws
@pytest.mark.parametrize("ticker", TICKERS)
def test_i13_a_coin_has_two_references_that_follow_its_chain_together(world: World, ticker: str) -> None:
    first, second = config.load(str(world.state.root / "cq.toml")).catalogue[ticker].references
    assert urlsplit(first.url).netloc != urlsplit(second.url).netloc, "two addresses of one node are one witness"
    began = height(first)
    for each in (first, second):
        assert until(lambda each=each: height(each) > began + 1), f"{each.url} does not follow"  # type: ignore[misc]
    assert until(lambda: abs(height(first) - height(second)) <= 2)


def test_i13_a_witness_of_eth_carries_on_without_the_other(tmp_path: Path) -> None:
    """Neither is a mirror of the other: what the second says does not come from the first."""
    with free_state(tmp_path) as state:
        supervisor = Supervisor(state)
        try:
            supervisor.start([part for part in chains.network(state) if part.name.startswith("evm-")])
            assert until(lambda: _number(state.evm_network) > chains.FIRST_BLOCK + 1)
            (pid,) = [part.pid for part in supervisor.health() if part.name == "evm-network"]
            os.kill(pid, signal.SIGKILL)
            assert until(lambda: not ports.answers(state.evm_network.removeprefix("http://")))
            last = _number(state.evm_witness)
            assert until(lambda: _number(state.evm_witness) > last + 1)
        finally:
            supervisor.stop()


def test_a_node_that_was_stopped_for_a_while_has_the_same_blocks(tmp_path: Path) -> None:
    with free_state(tmp_path) as state:
        supervisor = Supervisor(state)
        try:
            parts = [part for part in chains.network(state) if part.name in ("evm-network", "evm-witness")]
            supervisor.start(parts)
            nodes, began = (state.evm_network, state.evm_witness), int(_latest(state.evm_network)["timestamp"], 16)
            evm_miner.mine(nodes, began + 2)
            evm_miner.mine(nodes[:1], began + 5)
            evm_miner.mine(nodes, began + 6)
            assert _number(nodes[0]) == chains.FIRST_BLOCK + 6
            assert _latest(nodes[0]) == _latest(nodes[1])
        finally:
            supervisor.stop()


def _latest(node: str) -> Any:
    return call(node, "eth_getBlockByNumber", "latest", False)


def _number(node: str) -> int:
    return int(_latest(node)["number"], 16)
