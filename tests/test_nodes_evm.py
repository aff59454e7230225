"""How an Ethereum node is asked: a real one, and replies that lie, are missing or are of the wrong kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery.nodes import NodeMalformed, NodeRefused, NodeState, NodeUnreachable, Rpc, evm
from coinquery.nodes.values import LARGEST
from tests.hostile import Script, answers, node, sends
from tests.real_nodes import anvil
from tests.services import run

HASH = "0x" + "ab" * 32
BLOCK = {"number": "0x121eac0", "timestamp": "0x65000000", "hash": HASH}
REPLIES: dict[str, Any] = {
    "eth_getBlockByNumber": BLOCK,
    "eth_chainId": "0x1",
    "eth_syncing": False,
    "web3_clientVersion": "Geth/v1.16.0-stable/linux-amd64/go1.24",
    "net_peerCount": "0x32",
}


def seen(script: Script) -> NodeState:
    found: list[NodeState] = []

    async def steps() -> None:
        async with node(script) as it, aiohttp.ClientSession() as session:
            found.append(await evm.observe(Rpc(session, it.url, 2.0)))

    run(steps())
    return found[0]


def test_a_real_node() -> None:
    async def steps(url: str, time: datetime, block: str) -> None:
        async with aiohttp.ClientSession() as session:
            rpc = Rpc(session, url)
            state = await evm.observe(rpc)
            assert (state.height, state.head_hash, state.head_time) == (19000003, block, time)
            assert (state.chain, state.syncing, state.client, state.error) == ("1", False, "anvil/v1.7.1", None)
            assert await evm.block_hash(rpc, 19000003) == block
            assert await evm.block_hash(rpc, 19000001) != block
            with pytest.raises(NodeRefused, match="it has no block 19000009"):
                await evm.block_hash(rpc, 19000009)

    with anvil("--no-mining") as it:
        it.ask("anvil_mine", "0x3")
        latest = it.ask("eth_getBlockByNumber", "latest", False)
        run(steps(it.url, datetime.fromtimestamp(int(latest["timestamp"], 16), UTC), latest["hash"]))


def test_a_full_answer_is_read_in_full() -> None:
    assert seen(answers(REPLIES)) == NodeState(
        height=19000000,
        head_time=datetime.fromtimestamp(0x65000000, UTC),
        head_hash=HASH,
        syncing=False,
        chain="1",
        client="Geth/v1.16.0-stable/linux-amd64/go1.24",
        peers=50,
    )


def test_a_syncing_node_tells_where_it_believes_the_network_is() -> None:
    state = seen(answers({**REPLIES, "eth_syncing": {"currentBlock": "0x1", "highestBlock": "0xff"}}))
    assert (state.syncing, state.target) == (True, 255)


@pytest.mark.parametrize(
    ("syncing", "progress"),
    [
        ({"startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0xff", "syncedAccountBytes": "0x100"}, 257),
        (
            {
                "currentBlock": "0x1",
                "stages": [{"name": "Headers", "block": "0x64"}, {"name": "Bodies", "block": "0x2"}],
            },
            103,
        ),
        ({"currentBlock": "0x0"}, 0),
        (
            {"currentBlock": "0x1", "highestBlock": 255, "pulled": "-0x5", "known": None, "stages": ["0x7", [["0x7"]]]},
            1,
        ),
        ({f"counter{n}": hex(2**53 - 1) for n in range(9)}, None),
        ({"stages": {"a": "0x1"}}, None),
        ({}, None),
        (False, None),
        ((-32603, "no peers yet"), None),
        (["0x1"], None),
    ],
)
def test_progress_is_the_sum_of_what_a_syncing_node_counts(syncing: Any, progress: int | None) -> None:
    """`stalled`: a node in whose state something moves has not stalled, though its height stands still."""
    state = seen(answers({**REPLIES, "eth_syncing": syncing}))
    assert (state.progress, state.height) == (progress, 19000000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.integers(0, 2**80).map(hex),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_whatever_eth_syncing_says_progress_is_a_number_in_bounds_or_unknown(answer: Any) -> None:
    state = seen(answers({**REPLIES, "eth_syncing": answer}))
    assert state.progress is None or 0 <= state.progress <= LARGEST
    assert state.error is None


@pytest.mark.parametrize("answer", [(-32603, "no peers yet"), None, True, "false", 0, []])
def test_i13_an_error_or_nonsense_for_eth_syncing_is_unknown(answer: Any) -> None:
    """-32603 was seen before the first peer; it says nothing, and neither does it make the other answers worthless."""
    state = seen(answers({**REPLIES, "eth_syncing": answer}))
    assert state.syncing is None
    assert (state.height, state.error) == (19000000, None)


@pytest.mark.parametrize(
    "block", [None, {}, [], "0x1", {"number": 19000000}, {"number": "121eac0"}, {"number": "-0x1"}]
)
def test_i13_no_height_is_unknown_and_never_zero(block: Any) -> None:
    state = seen(answers({**REPLIES, "eth_getBlockByNumber": block}))
    assert (state.height, state.head_time, state.head_hash) == (None, None, None)
    assert isinstance(state.failure, NodeMalformed)


@pytest.mark.parametrize("broken", [{"timestamp": None}, {"timestamp": "now"}, {"timestamp": "0xffffffffffff"}])
def test_i13_a_block_without_a_readable_time_still_has_its_height(broken: dict[str, Any]) -> None:
    state = seen(answers({**REPLIES, "eth_getBlockByNumber": {**BLOCK, **broken}}))
    assert (state.height, state.head_time) == (19000000, None)


def test_i13_no_chain_id_is_unknown_and_a_failure() -> None:
    state = seen(answers({**REPLIES, "eth_chainId": (-32601, "what?")}))
    assert state.chain is None
    assert state.error == "refused (-32601): what?"


def test_what_only_describes_the_node_may_be_missing() -> None:
    state = seen(answers({**REPLIES, "web3_clientVersion": (-1, ""), "net_peerCount": 50}))
    assert (state.client, state.peers, state.error) == (None, None, None)


def test_a_node_that_closes_each_connection_is_unreachable() -> None:
    state = seen(sends(b""))
    assert state == NodeState(failure=state.failure)
    assert isinstance(state.failure, NodeUnreachable)
