"""Anchors in ``/info``: hashes of the node's own blocks, asked once a best block, so that a reorganisation is seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery.nodes import NodeState, Rpc, evm
from coinquery.nodes.anchors import heights
from coinquery.service.anchors import Anchors
from tests.hostile import Script, answers, http, node, sends
from tests.real_nodes import REGTEST_GENESIS, RealNode, anvil, litecoind
from tests.services import Client, run, service

HEAD = 19000046


def asks(method: str = "eth_getBlockByNumber", **blocks: Any) -> Script:
    """A node that knows these blocks by their heights."""

    def reply(body: bytes) -> list[bytes | None]:
        height = str(int(json.loads(body)["params"][0], 16))
        return answers({method: blocks.get(f"_{height}")})(body)

    return reply


def digest(digit: str) -> str:
    return "0x" + digit * 64


def state(head: str | None = "a", height: int | None = 26) -> NodeState:
    return NodeState(height=height, head_hash=head and digest(head))


def anchors_of(session: aiohttp.ClientSession, url: str) -> Anchors:
    rpc = Rpc(session, url, 0.5)
    return Anchors(lambda height: evm.block_hash(rpc, height))


async def until(client: Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """``/info``'s result once it holds; what the service knows of its node may be a second old."""
    for _ in range(300):
        result: dict[str, Any] = (await client.get("/info")).json()["result"]
        if holds(result):
            return result
        await asyncio.sleep(0.1)
    raise AssertionError(result)


def test_a_reorganisation_of_a_real_node_changes_the_anchors_above_it_and_no_other() -> None:
    async def steps(it: RealNode) -> None:
        async with service(it.url) as client:
            before = await until(client, lambda result: result["height"] == HEAD)
            assert before["anchors"] == {
                str(height): it.ask("eth_getBlockByNumber", hex(height), False)["hash"]
                for height in heights(HEAD)
                if height >= 19000000  # where this chain begins
            }
            assert before["headHash"] == it.ask("eth_getBlockByNumber", "latest", False)["hash"]
            it.ask("anvil_reorg", 20, [])
            after = await until(client, lambda result: result["headHash"] != before["headHash"])
            changed = [
                int(height) for height in before["anchors"] if after["anchors"][height] != before["anchors"][height]
            ]
            assert (after["height"], changed) == (HEAD, [19000040, 19000030])

    with anvil("--no-mining") as it:
        it.ask("anvil_mine", hex(HEAD - 19000000))
        run(steps(it))


def test_a_reorganisation_of_a_real_utxo_node_changes_the_anchors_above_it_and_no_other(tmp_path: Path) -> None:
    async def steps(it: RealNode) -> None:
        address, cookie = it.ask("getnewaddress"), it.cookie
        it.ask("generatetoaddress", 26, address)
        async with service(it.url, coin="ltc", dialect="bitcoin", chain=REGTEST_GENESIS, cookie=cookie) as client:
            before = await until(client, lambda result: result["height"] == 26)
            assert before["anchors"] == {str(h): it.ask("getblockhash", h) for h in (20, 10, 0)}
            assert (before["headHash"], before["progress"]) == (it.ask("getbestblockhash"), 26)
            it.ask("invalidateblock", it.ask("getblockhash", 15))
            it.ask("generatetoaddress", 12, it.ask("getnewaddress"))
            after = await until(client, lambda result: result["headHash"] != before["headHash"])
            assert after["height"] == 26
            assert after["anchors"] == {**before["anchors"], "20": it.ask("getblockhash", 20)}
            assert after["anchors"]["20"] != before["anchors"]["20"]

    with litecoind(tmp_path) as it:
        it.ask("createwallet", "w")
        run(steps(it))


def test_the_same_best_block_is_asked_about_once_and_another_one_anew() -> None:
    async def steps() -> None:
        script = asks(_20={"hash": digest("2")}, _10={"hash": digest("1")}, _0={"hash": digest("0")})
        async with node(script) as it, aiohttp.ClientSession() as session:
            anchors = anchors_of(session, it.url)
            known = {20: digest("2"), 10: digest("1"), 0: digest("0")}
            same = state()
            assert await asyncio.gather(*(anchors.of(same) for _ in range(20))) == [known] * 20
            assert await anchors.of(state()) == known
            assert len(it.asked) == 3
            assert await anchors.of(state("b")) == known
            assert len(it.asked) == 6

    run(steps())


def test_a_late_answer_about_one_best_block_is_not_taken_for_one_about_the_next() -> None:
    async def steps() -> None:
        asked, may_answer, chain = asyncio.Event(), asyncio.Event(), "old"

        async def block_hash(height: int) -> str:
            answer = f"{chain} {height}"
            if chain == "old":
                asked.set()
                await may_answer.wait()
            return answer

        anchors = Anchors(block_hash)
        late = asyncio.ensure_future(anchors.of(state("a", 16)))
        await asked.wait()
        chain = "new"
        assert await anchors.of(state("b", 16)) == {10: "new 10", 0: "new 0"}
        may_answer.set()
        assert await late == {10: "old 10", 0: "old 0"}
        assert await anchors.of(state("b", 16)) == {10: "new 10", 0: "new 0"}

    run(steps())


def test_i13_without_the_hash_of_the_best_block_nothing_is_remembered() -> None:
    async def steps() -> None:
        async with node(asks(_0={"hash": digest("0")})) as it, aiohttp.ClientSession() as session:
            anchors = anchors_of(session, it.url)
            for times in (1, 2):
                assert await anchors.of(state(None, 6)) == {0: digest("0")}
                assert len(it.asked) == times

    run(steps())


def test_i13_without_a_height_there_are_no_anchors_and_nothing_is_asked() -> None:
    async def steps() -> None:
        async with node(sends(b"")) as it, aiohttp.ClientSession() as session:
            assert await anchors_of(session, it.url).of(state("a", None)) is None
            assert it.asked == []

    run(steps())


@pytest.mark.parametrize(
    "broken",
    [None, {}, [], {"hash": None}, {"hash": digest("A")}, {"hash": "ab" * 32}, {"hash": 7}, (-32000, "pruned")],
)
def test_i13_a_hash_that_cannot_be_had_is_left_out_and_asked_for_again(broken: Any) -> None:
    async def steps() -> None:
        blocks: dict[str, Any] = {"_10": {"hash": digest("1")}, "_0": {"hash": digest("0")}, "_20": broken}
        async with node(lambda body: asks(**blocks)(body)) as it, aiohttp.ClientSession() as session:
            anchors = anchors_of(session, it.url)
            assert await anchors.of(state()) == {10: digest("1"), 0: digest("0")}
            blocks["_20"] = {"hash": digest("2")}
            assert await anchors.of(state()) == {20: digest("2"), 10: digest("1"), 0: digest("0")}
            assert len(it.asked) == 4

    run(steps())


@pytest.mark.parametrize("pieces", [(None,), (b"",), (http(b"<html>", "500 Oops", "text/html"),), (b"x" * 2**20,)])
def test_a_node_that_fails_at_its_anchors_still_shows_the_rest(pieces: tuple[bytes | None, ...]) -> None:
    async def steps() -> None:
        def script(body: bytes) -> list[bytes | None]:
            is_anchor = json.loads(body).get("params", [""])[:1] in (["0xa"], ["0x0"])
            return list(pieces) if is_anchor else answers(REPLIES)(body)

        async with node(script) as it, service(it.url) as client:
            document = (await client.get("/info")).json()
            assert (document["status"], document["result"]["height"], document["result"]["anchors"]) == ("1", 16, {})

    run(steps())


REPLIES: dict[str, Any] = {
    "eth_getBlockByNumber": {"number": "0x10", "timestamp": "0x65000000", "hash": digest("a")},
    "eth_chainId": "0x1",
    "eth_syncing": False,
}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2**53)), min_size=1, max_size=30))
def test_a_node_that_lies_about_its_best_block_makes_the_service_remember_no_more(told: list[tuple[str, int]]) -> None:
    """The same best block at ever other heights: what is shown is of the height that is said, and bounded."""

    async def steps() -> None:
        anchors = Anchors(known)
        for head, height in told:
            shown = await anchors.of(state(head, height))
            assert shown is not None
            assert tuple(shown) == heights(height)

    async def known(height: int) -> str:
        return f"{height}"

    asyncio.run(steps())
