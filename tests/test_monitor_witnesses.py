"""Sweeps with references that lie, fail or are late: honest nodes are judged as without them, or nobody is (I13)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import msgspec
import pytest

from coinquery.coins import Reference
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.records import Record
from tests.monitored import Background, Behaviour, Chain, Production, coin, explorer, says, server, service
from tests.real_nodes import anvil
from tests.worlds import World

pytestmark = pytest.mark.local_aws
HONEST, LATE = "cq-eth-0001-prod", "cq-eth-0002-prod"
HOUR = 3600
DOWN = "http://127.0.0.1:9"


@dataclass
class Sight:
    """An honest node and one that is a day late, each in a stack, and what a sweep says of them by some references."""

    production: Production
    background: Background
    chain: Chain
    late: str
    address: str

    def look(self, *references: Reference, forget: bool = True) -> dict[str, Record]:
        """The records of one sweep, by stack; it remembers nothing that the nodes said before."""
        if forget:
            logs = self.production.aws.logs(self.production.region)
            with suppress(logs.exceptions.ResourceNotFoundException):
                logs.delete_log_stream(logGroupName=LOG_GROUP, logStreamName="sweeps")
        self.production.eth = msgspec.structs.replace(coin(tolerance=2 * HOUR), references=references)
        records: list[Record] = []
        self.production.watch(on_record=records.append).once()
        return {record.stack: record for record in records}

    @contextmanager
    def third(self, behave: Behaviour, shape: str) -> Iterator[Reference]:
        with server(self.background, self.address, behave):
            yield reference(f"http://{self.address}:8080", shape)


def reference(url: str, shape: str = "evm") -> Reference:
    return Reference(shape=shape, url=url, budget=10**6)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sight(world: World) -> Iterator[Sight]:
    """A chain with a block an hour; one node stayed where it was a day ago."""
    production, background = Production(world.aws, world.state), Background()
    with ExitStack() as running:
        network = running.enter_context(anvil("--timestamp", str(int(time.time()) - 64 * HOUR)))
        network.ask("anvil_mine", hex(40), hex(HOUR))
        late = running.enter_context(anvil("-f", network.url, "--no-mining"))
        network.ask("anvil_mine", hex(24), hex(HOUR))
        mirror = running.enter_context(anvil("-f", network.url, "--no-mining"))
        for stack, node in ((HONEST, network), (LATE, late)):
            address = production.address()
            production.instance(production.stack(stack), address)
            running.enter_context(service(background, address, node.url, tolerance=2 * HOUR))
        yield Sight(production, background, Chain(network, mirror), late.url, production.address())
    background.close()


async def hangs(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(HOUR)


def _lies(by: int, truly: bool) -> Callable[[Sight], AbstractContextManager[Reference]]:
    """Says a height that is wrong by so much, and for any block the hash of the right one, or another."""

    def made(sight: Sight) -> AbstractContextManager[Reference]:
        anchor = sight.chain.hash_at(19000050)
        return sight.third(explorer(sight.chain.height + by, anchor if truly else "0x" + "66" * 32), "status")

    return made


def _says(body: bytes, shape: str) -> Callable[[Sight], AbstractContextManager[Reference]]:
    return lambda sight: sight.third(says(body), shape)


THIRDS: dict[str, Callable[[Sight], AbstractContextManager[Reference]]] = {
    "none": lambda sight: nullcontext(reference(sight.chain.references[1])),  # the second one twice
    "lies high": _lies(1000, truly=True),
    "lies a little high": _lies(5, truly=True),
    "lies high about every block": _lies(1000, truly=False),
    "lies low": _lies(-1000, truly=True),
    "lies a little low": _lies(-5, truly=True),
    "lies about blocks": _lies(0, truly=False),
    "is down": lambda _: nullcontext(reference(DOWN)),
    "hangs": lambda sight: sight.third(hangs, "evm"),
    "an error with status 200": _says(b'{"error":"rate limited"}', "status"),
    "a JSON-RPC error with status 200": _says(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"x"}}', "evm"),
    "HTML": _says(b"<html>welcome", "blockbook"),
    "is a day behind": lambda sight: nullcontext(reference(sight.late)),
}


@pytest.mark.parametrize("what", THIRDS)
def test_one_of_three_references_changes_no_verdict_whatever_it_says(sight: Sight, what: str) -> None:
    with THIRDS[what](sight) as third:
        records = sight.look(*map(reference, sight.chain.references), third)
    honest, late = records[HONEST], records[LATE]
    anchor = sight.chain.hash_at(19000050)
    assert (honest.verdict, late.verdict) == ("healthy", "lagging"), honest.reason
    assert sight.chain.height - 5 <= (honest.head or 0) <= sight.chain.height
    assert late.head == honest.head
    assert (late.lag_blocks or 0) >= 19
    assert (honest.anchor, honest.anchor_hash, honest.expected_anchor_hash) == (19000050, anchor, anchor)


FAILING = {what: THIRDS[what] for what in ("is down", "hangs", "an error with status 200", "is a day behind")}


@pytest.mark.parametrize("what", [*FAILING, "lies high"])
def test_i13_with_two_of_three_references_gone_nobody_is_judged(sight: Sight, what: str) -> None:
    with THIRDS[what](sight) as third:
        references = (reference(sight.chain.references[0]), third, reference("http://127.0.0.1:10"))
        for forget in (True, False):
            records = sight.look(*references, forget=forget)
            assert {stack: record.verdict for stack, record in records.items()} == {HONEST: "unknown", LATE: "unknown"}
            assert records[HONEST].head is None
            assert "127.0.0.1:10: Connection refused" in records[HONEST].reason
            assert " of 3 witnesses" in records[HONEST].reason


def test_i13_where_all_references_contradict_each_other_nobody_is_judged(sight: Sight) -> None:
    with THIRDS["lies high"](sight) as high:
        records = sight.look(reference(sight.chain.references[0]), high, reference(sight.late))
    assert {record.verdict for record in records.values()} == {"unknown"}
    assert "no two of 3 witnesses agree" in records[HONEST].reason


def test_i13_a_block_on_which_two_references_differ_neither_accuses_nor_acquits(sight: Sight) -> None:
    with THIRDS["lies about blocks"](sight) as liar:
        records = sight.look(liar, reference(sight.chain.references[0]))
    assert (records[HONEST].verdict, records[HONEST].expected_anchor_hash) == ("unknown", None), records[HONEST].reason


def test_a_liar_with_two_addresses_is_one_witness(sight: Sight) -> None:
    with THIRDS["lies high"](sight) as high:
        again = reference(f"{high.url}/again", "status")
        records = sight.look(*map(reference, sight.chain.references), high, again)
    assert (records[HONEST].verdict, records[HONEST].head) == ("healthy", sight.chain.height)
