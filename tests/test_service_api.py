"""The ``/api`` routes of UTXO coins, in front of a real node and of nodes that say what a test wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hostile import answers, http, node, sends
from tests.real_nodes import REGTEST_GENESIS, free_port, litecoind
from tests.services import run, service

CHAIN = {"chain": "main", "blocks": 90, "headers": 100, "bestblockhash": "ab" * 32, "initialblockdownload": True}
NETWORK = {
    "version": 210201,
    "protocolversion": 70016,
    "subversion": "/Satoshi:29.0.0/",
    "connections": 8,
    "timeoffset": -1,
    "relayfee": 0.00001,
    "warnings": ["one", "two"],
    "networks": [{"proxy": "127.0.0.1:9050"}],
}
BITCOIN: dict[str, Any] = {
    "getblockchaininfo": {**CHAIN, "difficulty": 1.5},
    "getblockhash": "cd" * 32,
    "getblockheader": {"time": 1700000000},
    "getnetworkinfo": NETWORK,
}
UTXO: dict[str, Any] = {"coin": "ltc", "dialect": "bitcoin", "chain": "cd" * 32}


def test_a_real_utxo_node(tmp_path: Path) -> None:
    async def steps(url: str, cookie: Path, best: str) -> None:
        async with service(url, coin="ltc", dialect="bitcoin", chain=REGTEST_GENESIS, cookie=cookie) as client:
            assert (await client.get("/health")).body == b"alive!"
            assert (await client.get("/info")).json()["result"]["client"] == "litecoincore"
            status = (await client.get("/api/status")).json()["info"]
            assert (status["blocks"], status["network"], status["testnet"], status["errors"]) == (
                2,
                "testnet",
                True,
                "",
            )
            last = (await client.get("/api/status?q=getLastBlockHash")).json()
            assert last == {"syncTipHash": best, "lastblockhash": best}
            sync = (await client.get("/api/sync")).json()
            assert (sync["status"], sync["height"], sync["syncPercentage"], sync["error"]) == ("finished", 2, 100, None)

    with litecoind(tmp_path) as it:
        it.ask("createwallet", "w")
        best = it.ask("generatetoaddress", 2, it.ask("getnewaddress"))[-1]
        assert it.cookie is not None
        run(steps(it.url, it.cookie, best))


def test_status_and_sync_have_the_shapes_that_clients_know() -> None:
    async def steps() -> None:
        async with node(answers(BITCOIN)) as it, service(it.url, **UTXO) as client:
            assert (await client.get("/api/status")).json() == {
                "info": {
                    "version": 210201,
                    "protocolversion": 70016,
                    "blocks": 90,
                    "timeoffset": -1,
                    "connections": 8,
                    "proxy": "127.0.0.1:9050",
                    "difficulty": 1.5,
                    "testnet": False,
                    "relayfee": 0.00001,
                    "errors": "one; two",
                    "network": "livenet",
                }
            }
            assert (await client.get("/api/sync")).json() == {
                "status": "syncing",
                "blockChainHeight": 100,
                "syncPercentage": 90,
                "height": 90,
                "error": None,
                "type": "bcore node",
            }
            assert (await client.get("/api/status?q=getPeers")).status == 400

    run(steps())


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ({"headers": 80, "initialblockdownload": False}, ("finished", 90, 100)),
        ({"headers": 90}, ("syncing", 90, 99)),
        ({"headers": None}, ("syncing", None, None)),
        ({"headers": "100", "initialblockdownload": None}, ("syncing", None, None)),
        ({"blocks": 0, "headers": 0}, ("syncing", 0, None)),
        ({"blocks": None, "initialblockdownload": False}, ("syncing", None, None)),
    ],
)
def test_i13_sync_is_finished_only_if_the_node_says_so(chain: dict[str, Any], expected: tuple[Any, ...]) -> None:
    async def steps() -> None:
        replies = {**BITCOIN, "getblockchaininfo": {**CHAIN, **chain}}
        async with node(answers(replies)) as it, service(it.url, **UTXO) as client:
            document = (await client.get("/api/sync")).json()
            assert (document["status"], document["blockChainHeight"], document["syncPercentage"]) == expected

    run(steps())


def test_i13_a_node_that_lies_about_types_gives_nulls_in_status() -> None:
    async def steps() -> None:
        replies = {"getblockchaininfo": ["x"], "getnetworkinfo": {"version": True, "relayfee": "1", "networks": [7]}}
        async with node(answers(replies)) as it, service(it.url, **UTXO) as client:
            info = (await client.get("/api/status")).json()["info"]
            assert {name for name, value in info.items() if value is not None} == {"proxy", "errors"}

    run(steps())


def test_a_utxo_node_that_is_away_is_said_with_503() -> None:
    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}", **UTXO) as client:
            for path in ("/api/status", "/api/status?q=getLastBlockHash", "/api/sync", "/api/block-index/1"):
                answer = await client.get(path)
                assert answer.status == 503
                assert answer.json()

    run(steps())


def test_block_index_of_a_real_node_is_a_full_reference(tmp_path: Path) -> None:
    """With ``/api/status`` it is all that a reference of shape ``status`` is asked for."""

    async def steps(url: str, cookie: Path, hashes: list[str]) -> None:
        async with service(url, **{**UTXO, "chain": REGTEST_GENESIS, "cookie": cookie}) as client:
            for height, block in enumerate(hashes):
                answer = await client.get(f"/api/block-index/{height}")
                assert (answer.status, answer.json()) == (200, {"blockHash": block})
            for height in (len(hashes), 2**31, 2**53 - 1):
                answer = await client.get(f"/api/block-index/{height}")
                assert answer.status == 404
                assert answer.json() == {"error": f"the node has no block {height}, its best block is 2"}

    with litecoind(tmp_path) as it:
        it.ask("createwallet", "w")
        blocks = it.ask("generatetoaddress", 2, it.ask("getnewaddress"))
        assert it.cookie is not None
        run(steps(it.url, it.cookie, [REGTEST_GENESIS, *blocks]))


@pytest.mark.parametrize(
    "height", ["", "-1", "0x10", "1.0", "1e3", "%20", "latest", "1/2", "9007199254740992", "9" * 5000, "%D9%A3"]
)
def test_block_index_of_what_is_no_height_is_refused_and_the_node_is_not_asked(height: str) -> None:
    async def steps() -> None:
        async with node(answers(BITCOIN)) as it, service(it.url, **UTXO) as client:
            assert (await client.get(f"/api/block-index/{height}")).status == 400
            assert it.asked == []

    run(steps())


@pytest.mark.parametrize(
    "told", [None, 7, [], "cd" * 31, "CD" * 32, "0x" + "cd" * 32, {"hash": "cd" * 32}, (-28, "Loading…"), (-8, "no")]
)
def test_i13_block_index_gives_only_what_is_a_hash(told: Any) -> None:
    """A refusal of a block that the node must have is no word that there is none."""

    async def steps() -> None:
        async with node(answers({**BITCOIN, "getblockhash": told})) as it, service(it.url, **UTXO) as client:
            answer = await client.get("/api/block-index/90")
            assert (answer.status, list(answer.json())) == (503, ["error"])

    run(steps())


@pytest.mark.parametrize("pieces", [(None,), (b"",), (http(b"<html>", "500 Oops", "text/html"),), (b"x" * 2**20,)])
def test_block_index_of_a_node_that_fails_is_503(pieces: tuple[bytes | None, ...]) -> None:
    async def steps() -> None:
        async with node(sends(*pieces)) as it, service(it.url, **UTXO) as client:
            assert (await client.get("/api/block-index/100")).status == 503

    run(steps())
