"""References of every shape: what they say is read, and what they say wrongly is nobody's head."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web as server

from coinquery.coins import Reference
from coinquery.monitor import web
from coinquery.monitor.head import Anchor, Head
from coinquery.monitor.references import find_head
from tests.monitored import coin
from tests.real_nodes import REGTEST_GENESIS, anvil, litecoind
from tests.services import service

HASH, OTHER_HASH = "a" * 64, "b" * 64
#: What each explorer answers, by path, as its documentation shows it.
BLOCKBOOK = {
    "/api/v2": {"blockbook": {"coin": "Bitcoin", "bestHeight": 1000}, "backend": {"chain": "main", "blocks": 1000}},
    "/api/v2/block-index/994": {"blockHash": HASH},
}
BLOCKCYPHER = {
    "/v1/btc/main": {"name": "BTC.main", "height": 1001, "hash": "c" * 64, "time": "2026-11-24T12:00:00.1Z"},
    "/v1/btc/main/blocks/994": {"hash": HASH, "height": 994},
}
STATUS = {"/api/status": {"info": {"blocks": 1002, "network": "livenet"}}, "/api/block-index/995": {"blockHash": HASH}}


@asynccontextmanager
async def explorer(pages: dict[str, Any], asked: list[str] | None = None) -> AsyncIterator[str]:
    """A server that gives these pages and 404 for anything else."""

    async def answer(request: server.Request) -> server.Response:
        if asked is not None:
            asked.append(request.path)
        if request.path not in pages:
            return server.Response(text="not here", status=404)
        page = pages[request.path]
        return server.Response(
            text=page if isinstance(page, str) else json.dumps(page), content_type="application/json"
        )

    app = server.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = server.AppRunner(app)
    await runner.setup()
    await server.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def head_of(*references: tuple[str, str]) -> Head:
    made = tuple(Reference(shape=shape, url=url) for shape, url in references)  # type: ignore[arg-type]
    watched = msgspec.structs.replace(coin(), references=made)
    async with web.open_session() as session:
        return await find_head(session, watched, 5)


def test_explorers_of_two_shapes_agree_on_the_head_and_on_a_block_below_it() -> None:
    async def steps() -> None:
        async with explorer(BLOCKBOOK) as blockbook, explorer(BLOCKCYPHER) as blockcypher:
            head = await head_of(("blockbook", blockbook), ("blockcypher", blockcypher + "/v1/btc/main"))
        assert head == Head(height=1000, asked=2, vouched=2, anchor=Anchor(994, HASH))

    asyncio.run(steps())


def test_each_reference_is_asked_twice_whatever_it_answers() -> None:
    async def steps() -> None:
        asked: list[str] = []
        async with explorer(STATUS, asked) as status, explorer(BLOCKBOOK, asked) as blockbook:
            head = await head_of(("status", status), ("blockbook", blockbook + "/"))
        assert (head.height, head.anchor) == (1000, None)
        assert sorted(asked) == ["/api/block-index/994", "/api/status", "/api/v2", "/api/v2/block-index/994"]

    asyncio.run(steps())


def test_a_block_whose_hash_is_disputed_is_no_anchor() -> None:
    async def steps() -> None:
        lying = {**BLOCKBOOK, "/api/v2/block-index/994": {"blockHash": OTHER_HASH}}
        async with explorer(BLOCKBOOK) as one, explorer(lying) as liar, explorer(BLOCKBOOK) as three:
            assert (await head_of(("blockbook", one), ("blockbook", liar))).anchor is None
            agreed = await head_of(("blockbook", one), ("blockbook", liar), ("blockbook", three))
        assert agreed.anchor == Anchor(994, HASH)

    asyncio.run(steps())


@pytest.mark.parametrize(
    "page",
    ['{"error":"rate limited"}', "<html>", "", '{"backend":{}}', '{"backend":{"blocks":"1000"}}',
     '{"backend":{"blocks":-1}}', '{"backend":{"blocks":1e99}}', '{"backend":{"blocks":null}}', "[" * 5000],
)  # fmt: skip
def test_i13_an_error_with_status_200_is_no_height(page: str) -> None:
    async def steps() -> None:
        async with explorer({"/api/v2": page}) as broken, explorer(BLOCKCYPHER) as blockcypher:
            head = await head_of(("blockbook", broken), ("blockcypher", blockcypher + "/v1/btc/main"))
        assert head.height is None
        assert "1 of 2 references answered: height 1001" in head.why
        assert "127.0.0.1: not what was asked for" in head.why

    asyncio.run(steps())


def test_i14_a_key_in_an_address_is_not_told() -> None:
    head = asyncio.run(
        head_of(("evm", "http://127.0.0.1:9/v3/secretkey"), ("blockbook", "http://u:secretkey@127.0.0.1:9"))
    )
    assert head.height is None
    assert "secretkey" not in head.why


def test_a_json_rpc_reference_gives_the_blocks_time_too() -> None:
    with anvil() as node:
        node.ask("anvil_mine", "0xa", "0x0")
        block = node.ask("eth_getBlockByNumber", hex(19000004), False)
        head = asyncio.run(head_of(("evm", node.url)))
    assert (head.height, head.anchor) == (19000010, Anchor(19000004, block["hash"]))
    assert head.time is not None


def test_our_own_service_before_a_real_litecoind_is_a_reference_of_shape_status(tmp_path: Path) -> None:
    async def steps(url: str, cookie: Path | None) -> None:
        changes: dict[str, Any] = {"coin": "ltc", "dialect": "bitcoin", "chain": REGTEST_GENESIS, "cookie": cookie}
        async with service(url, **changes) as client:
            head = await head_of(("status", client.url))
        assert (head.height, head.vouched, head.anchor) == (0, 1, None)

    with litecoind(tmp_path) as node:
        asyncio.run(steps(node.url, node.cookie))
