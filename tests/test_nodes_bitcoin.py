"""How a Bitcoin node is asked: a real litecoind, and replies that lie, are missing or are of the wrong kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from coinquery.nodes import Cookie, NodeMalformed, NodeRefused, NodeState, NodeUnreachable, Rpc, bitcoin
from tests.hostile import Script, answers, http, node, sends
from tests.real_nodes import REGTEST_GENESIS, litecoind
from tests.services import run

BEST, GENESIS = "ab" * 32, "cd" * 32
CHAIN = {"chain": "main", "blocks": 528311, "headers": 528312, "bestblockhash": BEST, "initialblockdownload": False}
REPLIES: dict[str, Any] = {
    "getblockchaininfo": CHAIN,
    "getblockhash": GENESIS,
    "getblockheader": {"time": 1700000000},
    "getnetworkinfo": {"subversion": "/Satoshi:29.0.0/", "connections": 8},
}


def seen(script: Script) -> NodeState:
    found: list[NodeState] = []

    async def steps() -> None:
        async with node(script) as it, aiohttp.ClientSession() as session:
            found.append(await bitcoin.observe(Rpc(session, it.url, 2.0)))

    run(steps())
    return found[0]


def chain(**changes: Any) -> Script:
    return answers({**REPLIES, "getblockchaininfo": {**CHAIN, **changes}})


def test_a_real_node(tmp_path: Path) -> None:
    async def steps(url: str, cookie: Path, best: str, time: int) -> None:
        async with aiohttp.ClientSession() as session:
            rpc = Rpc(session, url, cookie=Cookie(cookie))
            state = await bitcoin.observe(rpc)
            assert (state.height, state.target, state.head_hash, state.chain) == (3, 3, best, REGTEST_GENESIS)
            assert state.head_time == datetime.fromtimestamp(time, UTC)
            assert (state.syncing, state.peers, state.error) == (False, 0, None)
            assert state.client is not None
            assert state.client.startswith("/LitecoinCore:0.21")
            assert await bitcoin.block_hash(rpc, 3) == best
            with pytest.raises(NodeRefused, match="Block height out of range"):
                await bitcoin.block_hash(rpc, 4)
            with pytest.raises(NodeRefused, match="401"):
                await bitcoin.block_hash(Rpc(session, url), 0)

    with litecoind(tmp_path) as it:
        it.ask("createwallet", "w")
        best = it.ask("generatetoaddress", 3, it.ask("getnewaddress"))[-1]
        assert it.cookie is not None
        run(steps(it.url, it.cookie, best, it.ask("getblockheader", best)["time"]))


def test_a_full_answer_is_read_in_full() -> None:
    assert seen(answers(REPLIES)) == NodeState(
        height=528311,
        head_time=datetime.fromtimestamp(1700000000, UTC),
        head_hash=BEST,
        target=528312,
        syncing=False,
        progress=528311,
        chain=GENESIS,
        client="/Satoshi:29.0.0/",
        peers=8,
    )


@pytest.mark.parametrize(("headers", "is_syncing"), [(528311, False), (528312, False), (528313, True), (528000, False)])
def test_a_node_that_does_not_say_whether_it_syncs_is_judged_by_its_headers(headers: int, is_syncing: bool) -> None:
    """bsv has no ``initialblockdownload``; after a reorganisation there can be fewer headers than blocks."""
    assert seen(chain(initialblockdownload=None, headers=headers)).syncing is is_syncing


@pytest.mark.parametrize(
    ("changes", "progress"),
    [
        ({"blocks": 0, "headers": 2000}, 2000),
        ({"blocks": 7, "headers": 2000}, 7),
        ({"headers": None}, 528311),
        ({"blocks": 0, "headers": "2000"}, None),
        ({"blocks": -1, "headers": None}, None),
    ],
)
def test_progress_moves_with_the_headers_while_the_height_stands_still(changes: dict[str, Any], progress: Any) -> None:
    """`stalled`: a node that begins fetches headers for a long time, at height 0."""
    assert seen(chain(**changes)).progress == progress


@pytest.mark.parametrize("headers", [None, "528312", -1, 1.5])
def test_i13_without_a_word_and_without_headers_it_is_unknown_whether_it_syncs(headers: Any) -> None:
    assert seen(chain(initialblockdownload="no", headers=headers)).syncing is None


@pytest.mark.parametrize("blocks", [None, "528311", -5, 10**30, True, 1.5])
def test_i13_no_height_is_unknown_and_never_zero(blocks: Any) -> None:
    state = seen(chain(blocks=blocks))
    assert state.height is None
    assert isinstance(state.failure, NodeMalformed)


def test_i13_no_time_of_the_best_block_is_unknown() -> None:
    state = seen(answers({**REPLIES, "getblockheader": (-5, "Block not found")}))
    assert (state.height, state.head_time) == (528311, None)


def test_a_node_that_is_starting_refuses_everything() -> None:
    state = seen(answers(dict.fromkeys(REPLIES, (-28, "Loading block index..."))))
    assert state == NodeState(failure=state.failure)
    assert state.error == "refused (-28): Loading block index..."


def test_a_node_that_is_overloaded_answers_html_and_is_malformed() -> None:
    state = seen(sends(http(b"Work queue depth exceeded", "500 Internal Server Error", "text/html")))
    assert isinstance(state.failure, NodeMalformed)


def test_a_restarted_node_is_asked_with_its_new_cookie(tmp_path: Path) -> None:
    cookie_file = tmp_path / "regtest" / ".cookie"

    async def ask(url: str, cookie: Cookie) -> str:
        async with aiohttp.ClientSession() as session:
            return await bitcoin.block_hash(Rpc(session, url, cookie=cookie), 0)

    async def steps() -> None:
        cookie, said = Cookie(cookie_file), []
        for _ in range(2):
            with litecoind(tmp_path) as it:
                said.append(cookie_file.read_text())
                assert await ask(it.url, cookie) == REGTEST_GENESIS
        assert said[0] != said[1]
        with pytest.raises(NodeUnreachable, match="its cookie can't be read: No such file"):
            await ask("http://127.0.0.1:1", cookie)

    run(steps())
