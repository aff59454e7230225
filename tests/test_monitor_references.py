"""References of every shape: what they say is read, and what they say wrongly is nobody's head."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web as server

from coinquery.coins import Reference
from coinquery.monitor import web
from coinquery.monitor.head import Anchor, Head, Word
from coinquery.monitor.references import is_due
from coinquery.monitor.witnesses import Hearing, Memory, Witnesses
from tests.monitored import coin
from tests.real_nodes import REGTEST_GENESIS, anvil, litecoind
from tests.services import service

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STACK = "cq-btc-0001-prod"

HASH, OTHER_HASH = "a" * 64, "b" * 64
#: What each explorer answers, by path, as its documentation shows it.
BLOCKBOOK = {
    "/api/v2": {"blockbook": {"coin": "Bitcoin", "bestHeight": 1000}, "backend": {"chain": "main", "blocks": 1000}},
    "/api/v2/block-index/990": {"blockHash": HASH},
}
BLOCKCYPHER = {
    "/v1/btc/main": {"name": "BTC.main", "height": 1001, "hash": "c" * 64, "time": "2026-11-24T12:00:00.1Z"},
    "/v1/btc/main/blocks/990": {"hash": HASH, "height": 990},
}
NOTHING = Memory()
STATUS = {"/api/status": {"info": {"blocks": 1002, "network": "livenet"}}, "/api/block-index/980": {"blockHash": HASH}}


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


async def hear(
    *references: tuple[str, str], memory: Memory = NOTHING, now: datetime = NOW, budget: int = 600
) -> Witnesses:
    made = tuple(Reference(shape=shape, url=url, budget=budget) for shape, url in references)  # type: ignore[arg-type]
    watched = msgspec.structs.replace(coin(tolerance=7200), references=made)
    async with web.open_session() as session:
        return await Hearing(session, now, 5).of("btc", watched, memory, {})


async def head_of(*references: tuple[str, str]) -> Head:
    return (await hear(*references)).head_for(STACK)


def test_explorers_of_two_shapes_agree_on_the_head_and_on_a_block_below_it() -> None:
    async def steps() -> None:
        async with explorer(BLOCKBOOK) as blockbook, explorer(BLOCKCYPHER) as blockcypher:
            head = await head_of(("blockbook", blockbook), ("blockcypher", blockcypher + "/v1/btc/main"))
        assert head == Head(height=1000, asked=2, vouched=2, anchors=(Anchor(990, HASH),))

    asyncio.run(steps())


def test_each_reference_is_asked_three_times_at_most_whatever_it_answers() -> None:
    async def steps() -> None:
        asked: list[str] = []
        async with explorer(STATUS, asked) as status, explorer(BLOCKBOOK, asked) as blockbook:
            head = await head_of(("status", status), ("blockbook", blockbook + "/"))
        assert (head.height, head.anchors) == (1000, ())
        blocks = ["/api/block-index/980", "/api/block-index/990", "/api/v2/block-index/980", "/api/v2/block-index/990"]
        assert sorted(asked) == sorted(["/api/status", "/api/v2", *blocks])

    asyncio.run(steps())


def test_a_block_whose_hash_is_disputed_is_no_anchor() -> None:
    async def steps() -> None:
        lying = {**BLOCKBOOK, "/api/v2/block-index/990": {"blockHash": OTHER_HASH}}
        async with explorer(BLOCKBOOK) as one, explorer(lying) as liar, explorer(BLOCKBOOK) as three:
            assert (await head_of(("blockbook", one), ("blockbook", liar))).anchors == ()
            agreed = await head_of(("blockbook", one), ("blockbook", liar), ("blockbook", three))
        assert agreed.anchors == (Anchor(990, HASH),)

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
        assert "1 of 2 witnesses can be heard, 2 must agree: 127.0.0.1:" in head.why
        assert ": not what was asked for" in head.why

    asyncio.run(steps())


def test_i14_a_key_in_an_address_is_not_told() -> None:
    head = asyncio.run(
        head_of(("evm", "http://127.0.0.1:9/v3/secretkey"), ("blockbook", "http://u:secretkey@127.0.0.1:9"))
    )
    assert head.height is None
    assert "secretkey" not in head.why


def test_json_rpc_references_give_the_blocks_time_too() -> None:
    with anvil() as node:
        node.ask("anvil_mine", "0x10", "0x0")
        with anvil("-f", node.url, "--no-mining") as other:
            block = node.ask("eth_getBlockByNumber", hex(19000010), False)
            first = node.ask("eth_getBlockByNumber", hex(19000000), False)
            head = asyncio.run(head_of(("evm", node.url), ("evm", other.url)))
    assert (head.height, head.anchors) == (19000016, (Anchor(19000010, block["hash"]), Anchor(19000000, first["hash"])))
    assert head.time is not None


def test_two_addresses_of_one_host_are_one_witness() -> None:
    async def steps() -> None:
        async with explorer(BLOCKBOOK) as blockbook:
            head = await head_of(("blockbook", blockbook), ("blockbook", blockbook + "/"))
        assert (head.height, head.asked) == (None, 1)

    asyncio.run(steps())


@pytest.mark.parametrize(
    ("budget", "askers", "seconds", "due"),
    [(180, 1, 60, True), (180, 1, 53, False), (90, 1, 60, False), (90, 1, 120, True), (180, 2, 60, False)],
)
def test_a_budget_of_calls_an_hour_is_kept_by_all_monitors_together(
    budget: int, askers: int, seconds: int, due: bool
) -> None:
    reference = Reference(shape="evm", url="https://one.example.com", budget=budget)
    assert is_due(reference, NOW, NOW + timedelta(seconds=seconds), askers) is due
    assert is_due(reference, None, NOW, askers)


def test_between_two_questions_that_a_budget_allows_what_was_said_stands() -> None:
    async def steps() -> None:
        asked: list[str] = []
        async with explorer(BLOCKBOOK, asked) as one, explorer(BLOCKCYPHER, asked) as two:
            references = (("blockbook", one), ("blockcypher", two + "/v1/btc/main"))
            first = await hear(*references, budget=90)
            soon = await hear(*references, budget=90, memory=first.memory, now=NOW + timedelta(seconds=60))
            assert len(asked) == 6
            assert soon.head_for(STACK) == first.head_for(STACK)
            later = await hear(*references, budget=90, memory=first.memory, now=NOW + timedelta(seconds=120))
            assert later.head_for(STACK) == first.head_for(STACK)
            assert len(asked) == 10  # the hash that was had of the same block is not asked for again
            forgotten = await hear(
                ("blockbook", "http://127.0.0.1:9"), memory=first.memory, now=NOW + timedelta(hours=3)
            )
        assert forgotten.head_for(STACK).height is None

    asyncio.run(steps())


def test_a_reference_that_fails_is_not_asked_beyond_its_budget() -> None:
    async def steps() -> None:
        asked: list[str] = []
        async with explorer({}, asked) as broken:
            first = await hear(("blockbook", broken), budget=90)
            again = await hear(("blockbook", broken), budget=90, memory=first.memory, now=NOW + timedelta(seconds=60))
        assert asked == ["/api/v2"]
        assert again.head_for(STACK).height is None

    asyncio.run(steps())


def test_i13_nodes_of_other_stacks_are_witnesses_and_a_stacks_own_are_not() -> None:
    async def steps() -> None:
        own = Word(coin="btc", by=STACK, kind="stack", at=NOW, height=1000)
        async with explorer(BLOCKBOOK) as only:
            references = (("blockbook", only), ("blockbook", "http://127.0.0.1:9"))
            alone = await hear(*references, memory=Memory(words=(own,)))
            assert alone.head_for(STACK).height is None
            assert alone.head_for("cq-btc-0002-prod").height == 1000
            assert alone.head_for("cq-btc-0002-prod").asked == 3
            of_ltc = msgspec.structs.replace(own, coin="ltc")
            foreign = await hear(*references, memory=Memory(words=(of_ltc,)))
            assert foreign.head_for("cq-btc-0002-prod").height is None

    asyncio.run(steps())


def test_our_own_service_before_a_real_litecoind_is_a_reference_of_shape_status(tmp_path: Path) -> None:
    async def steps(url: str, cookie: Path | None) -> None:
        changes: dict[str, Any] = {"coin": "ltc", "dialect": "bitcoin", "chain": REGTEST_GENESIS, "cookie": cookie}
        async with service(url, **changes) as one, service(url, **changes) as two:
            head = await head_of(("status", one.url), ("status", two.url))
        assert (head.height, head.vouched, head.anchors) == (0, 2, ())

    with litecoind(tmp_path) as node:
        asyncio.run(steps(node.url, node.cookie))
