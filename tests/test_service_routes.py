"""The service's own answers, in front of real nodes and of nodes that say what a test wants."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.hostile import answers, http, node, sends
from tests.real_nodes import anvil, free_port
from tests.services import BUILD, at, run, service

EVM: dict[str, Any] = {
    "eth_getBlockByNumber": {"number": "0x10", "timestamp": "0x65000000", "hash": "0x" + "ab" * 32},
    "eth_chainId": "0x1",
    "eth_syncing": False,
    "web3_clientVersion": "Geth/v1.8.1-stable-1e67410e/linux-amd64/go1.9.4",
}
HASH = "0x" + "ab" * 32
HEAD_TIME = "2023-09-12T06:06:56"


def test_info_has_the_shape_that_clients_of_the_first_system_know() -> None:
    async def steps() -> None:
        async with node(answers(EVM)) as it, service(it.url, now=at(HEAD_TIME)) as client:
            answer = await client.get("/info")
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
            assert answer.json() == {
                "status": "1",
                "message": "OK",
                "result": {
                    "commitHash": BUILD.commit,
                    "buildTimestamp": BUILD.date,
                    "client": "geth",
                    "ClientVersion": "1.8.1-stable",
                    "coin": "eth",
                    "release": "v1.0.0",
                    "stack": "cq-eth-0001-prod",
                    "chain": "1",
                    "height": 16,
                    "headTime": f"{HEAD_TIME}Z",
                    "headHash": HASH,
                    "syncing": False,
                    "progress": None,
                    "anchors": {"10": HASH, "0": HASH},
                    "volume": None,
                    "failure": None,
                    "inStep": True,
                    "reasons": [],
                },
            }

    run(steps())


def test_i13_info_of_a_service_without_a_node_tells_the_commit_and_no_zeros() -> None:
    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}") as client:
            answer = await client.get("/info")
            document = answer.json()
            assert (answer.status, document["status"], document["message"]) == (200, "0", "Connection refused")
            assert document["result"]["commitHash"] == BUILD.commit
            unknown = (
                "client",
                "ClientVersion",
                "chain",
                "height",
                "headTime",
                "headHash",
                "syncing",
                "progress",
                "anchors",
            )
            assert {document["result"][name] for name in unknown} == {None}
            assert document["result"]["inStep"] is False
            assert document["result"]["reasons"] == ["the node gave no usable answer: Connection refused"]

    run(steps())


def test_live_does_not_ask_the_node() -> None:
    async def steps() -> None:
        async with node(sends(None)) as it, service(it.url) as client:
            answer = await client.get("/live")
            assert (answer.status, answer.body, it.asked) == (200, b"alive!", [])

    run(steps())


def test_health_follows_a_real_node_that_mines_and_stalls() -> None:
    async def steps(it: Any) -> None:
        async with service(it.url, tolerance=5) as client:
            assert (await client.get("/health")).body == b"alive!"
        async with service(it.url, tolerance=5, chain="61") as client:
            answer = await client.get("/health")
            assert (answer.status, answer.json()["reasons"]) == (503, ["the node is on chain 1, expected 61"])
        later = at("2999-01-01T00:00:00")
        async with service(it.url, now=later) as client:
            (reason,) = (await client.get("/health")).json()["reasons"]
            assert reason.endswith("s old, the tolerance is 60 s")

    with anvil("--no-mining") as it:
        it.ask("anvil_mine", "0x1")
        run(steps(it))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"eth_syncing": (-32603, "no peers")}, "whether the node is syncing is unknown"),
        ({"eth_syncing": {"highestBlock": "0x64"}}, "the node is syncing: it is at 16 of 100"),
        ({"eth_chainId": "0x2"}, "the node is on chain 2, expected 1"),
        ({"eth_chainId": None}, "the node gave no usable answer: no readable chain id in the reply"),
        ({"eth_getBlockByNumber": None}, "the node gave no usable answer: no readable height in the reply"),
        ({"eth_getBlockByNumber": {"number": "0x10"}}, "the time of the node's best block is unknown"),
    ],
)
def test_i13_health_says_why_not(changes: dict[str, Any], reason: str | None) -> None:
    async def steps() -> None:
        async with node(answers({**EVM, **changes})) as it, service(it.url, now=at(HEAD_TIME)) as client:
            answer = await client.get("/health")
            result = (await client.get("/info")).json()["result"]
            assert (result["inStep"], result["reasons"]) == (reason is None, [reason] if reason else [])
            if reason is None:
                assert (answer.status, answer.body) == (200, b"alive!")
            else:
                assert (answer.status, answer.json()) == (503, {"healthy": False, "reasons": [reason]})

    run(steps())


@pytest.mark.parametrize("pieces", [(None,), (b"",), (http(b"<html>", "500 Oops", "text/html"),)])
def test_a_node_that_fails_is_not_in_step(pieces: tuple[bytes | None, ...]) -> None:
    async def steps() -> None:
        async with node(sends(*pieces)) as it, service(it.url) as client:
            assert (await client.get("/health")).status == 503

    run(steps())


def test_a_stampede_asks_the_node_once() -> None:
    async def steps() -> None:
        async with node(answers(EVM)) as it, service(it.url) as client:
            await asyncio.gather(*(client.get(path) for path in ("/info", "/health", "/metrics") * 30))
            of_anchors = ["eth_getBlockByNumber"] * 2
            assert sorted(it.methods) == sorted([*EVM, "net_peerCount", *of_anchors])

    run(steps())


def test_evm_coins_have_no_utxo_routes() -> None:
    async def steps() -> None:
        async with node(answers(EVM)) as it, service(it.url) as client:
            for path in ("/api/status", "/api/sync", "/api/block-index/1"):
                assert (await client.get(path)).status == 404

    run(steps())


def test_metrics_tell_what_is_known_and_have_few_labels_whatever_is_sent() -> None:
    async def steps() -> None:
        async with node(answers(EVM)) as it, service(it.url, now=at("2023-09-12T06:07:01")) as client:
            for number in range(20):
                await client.post(f'{{"id":1,"method":"made_up_{number}"}}')
                await client.get(f"/made/up/{number}")
            await client.post('{"id":1,"method":"eth_chainId"}')
            page = (await client.get("/metrics")).body.decode()
            samples = {line for line in page.splitlines() if not line.startswith("#")}
            assert samples >= {
                'coinquery_forwarded_calls_total{method="other",outcome="refused"} 20',
                'coinquery_forwarded_calls_total{method="eth_chainId",outcome="forwarded"} 1',
                'coinquery_requests_total{route="other",status="404"} 20',
                'coinquery_requests_total{route="/",status="200"} 21',
                f'coinquery_build_info{{coin="eth",release="v1.0.0",commit="{BUILD.commit}"}} 1',
                "coinquery_node_up 1",
                "coinquery_in_step 1",
                "coinquery_height 16",
                "coinquery_head_age_seconds 5.0",
            }
            assert "made" not in page
            assert "coinquery_peers" not in page

    run(steps())


def test_i13_metrics_of_an_unknown_height_are_absent() -> None:
    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}") as client:
            page = (await client.get("/metrics")).body.decode()
            assert "coinquery_node_up 0" in page
            assert "coinquery_in_step 0" in page
            assert "coinquery_height" not in page
            assert "coinquery_head_age" not in page

    run(steps())


def test_every_answer_says_little_of_the_server_and_is_not_kept() -> None:
    async def steps() -> None:
        async with node(answers(EVM)) as it, service(it.url) as client:
            said = [await client.get("/info"), await client.get("/nowhere"), await client.post("{}")]
            assert {answer.headers["Server"] for answer in said} == {"coinquery"}
            assert {answer.headers["Cache-Control"] for answer in said} == {"no-store"}

    run(steps())
