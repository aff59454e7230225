"""Hostile instances: no sweep dies of one, none holds up another, and the verdict says what was seen."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.errors import AwsUnreachable
from coinquery.monitor import sweep, web
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.probe import Probe
from coinquery.monitor.records import Record
from coinquery.monitor.verdict import Failure, Seen
from tests.monitored import Background, Behaviour, Production, coin, says, server, service
from tests.real_nodes import anvil
from tests.worlds import World

pytestmark = pytest.mark.local_aws
GOOD = "cq-eth-9999-prod"


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        writer.write(b"0," * 50_000)
        await writer.drain()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n")
    await writer.drain()


def redirects(to: str) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: http://{to}:8080/info\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return behave


INFO = {"status": "1", "message": "OK", "result": {"commitHash": "f" * 40}}
CASES: dict[str, tuple[Behaviour, str]] = {
    "drip": (drips, "unreachable"),
    "hang": (hangs, "unreachable"),
    "reset": (resets, "unreachable"),
    "endless": (never_ends, "malformed"),
    "not HTTP": (babbles, "malformed"),
    "HTML 500": (says(b"<html>Work queue depth exceeded", "500 Internal Server Error", "text/html"), "malformed"),
    "HTML 200": (says(b"<html>welcome", kind="text/html"), "malformed"),
    "10 MB": (says(b'{"result":"' + b"x" * 10_000_000 + b'"}'), "malformed"),
    "deep": (says(b"[" * 100_000), "malformed"),
    "empty": (says(b""), "malformed"),
    "NaN": (says(b'{"result":{"commitHash":NaN}}'), "malformed"),
    "info for all": (says(json.dumps(INFO).encode()), "malformed"),
    "cut short": (says(b'{"result":', length=1000), "unreachable"),
}


def test_hostile_instances_are_told_apart_and_the_good_one_is_healthy(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    elsewhere = production.address()
    cases = {**CASES, "redirect": (redirects(elsewhere), "malformed")}
    limits = sweep.Limits(sweep=20, reserve=5, question=1)
    names = {f"cq-eth-{number:04}-prod": case for number, case in enumerate(cases, start=1)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ExitStack() as stack:
        network = stack.enter_context(anvil())
        network.ask("anvil_mine", "0xa", "0x0")
        production.eth = coin(network.url)
        connected = stack.enter_context(server(background, elsewhere, hangs))
        for name, case in [*names.items(), (GOOD, "")]:
            address = production.address()
            production.stack(name)
            production.instance(name, address)
            if case:
                stack.enter_context(server(background, address, cases[case][0]))
            else:
                stack.enter_context(service(background, address, network.url))
        summary = production.sweep(limits)
    assert {case: production.records(name)[-1].verdict for name, case in names.items()} == {
        case: verdict for case, (_, verdict) in cases.items()
    }
    assert production.records(GOOD)[-1].verdict == "healthy"
    assert (summary.instances, summary.healthy, summary.unreached) == (len(names) + 1, 1, 0)
    assert connected == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def seen_in_order(production: Production, limits: sweep.Limits) -> list[Record]:
    order: list[Record] = []
    configuration = Configuration(coins={"eth": production.eth})
    sweep.run(production.region, production.aws, configuration, SystemClock(), limits, order.append)
    return order


def test_a_hung_instance_delays_nobody(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    with ExitStack() as stack:
        network = stack.enter_context(anvil())
        network.ask("anvil_mine", "0xa", "0x0")
        production.eth = coin(network.url)
        for name, behave in (("cq-eth-0001-prod", hangs), (GOOD, None)):
            address = production.address()
            production.stack(name)
            production.instance(name, address)
            running = server(background, address, behave) if behave else service(background, address, network.url)
            stack.enter_context(running)
        first, last = seen_in_order(production, sweep.Limits(sweep=30, reserve=5, question=4))
    assert (first.stack, first.verdict) == (GOOD, "healthy")
    assert (last.verdict, last.reason) == ("unreachable", "no answer within 4 s")
    assert (last.time - first.time).total_seconds() > 1


def test_what_the_sweep_did_not_get_to_is_recorded_as_unknown(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    address = production.address()
    production.instance(GOOD, address)
    with server(background, address, hangs):
        summary = production.sweep(sweep.Limits(sweep=6, reserve=4, question=60))
    [record] = production.records(GOOD)
    assert (summary.instances, summary.unreached, summary.healthy) == (1, 1, 0)
    assert (record.verdict, record.reason) == ("unknown", "not seen within the sweep's 6 s")


def test_i12_an_aws_that_does_not_answer_ends_the_sweep_in_time(
    world: World, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = world.state.address(191, 2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}:8080")
    limits = sweep.Limits(sweep=2, reserve=1)
    with server(background, address, hangs), pytest.raises(AwsUnreachable, match="within the sweep's 2 s"):
        sweep.run("eu-west-1", Aws(), Configuration(coins={}), SystemClock(), limits)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
numbers: st.SearchStrategy[Any] = st.sampled_from(
    ["0x1b4", "1b4", "0x", "-0x1", "0x" + "f" * 40, "NaN", 436, -1, 2**60, 1e300, None, True, []]
)
blocks = st.fixed_dictionaries({"number": numbers, "timestamp": numbers, "hash": numbers | st.just("0x" + "a" * 64)})
replies = st.fixed_dictionaries({}, optional={"result": json_values | blocks | numbers, "error": json_values})


@given(body=replies.map(lambda reply: json.dumps(reply).encode()) | st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i13_no_reply_breaks_the_probe_or_makes_up_a_number(world: World, background: Background, body: bytes) -> None:
    address = world.state.address(191, 1)

    async def look() -> tuple[Seen, Failure | None]:
        async with web.open_session() as session:
            return await Probe(session, address, coin(), 2).look()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        asked = await reader.readexactly(int(length.split(b":")[1]))
        reply = body
        if asked and body.startswith(b"{"):
            reply = json.dumps({**json.loads(body), "jsonrpc": "2.0", "id": json.loads(asked)["id"]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply)
        await writer.drain()

    with server(background, address, answer):
        seen, failure = asyncio.run(look())
    assert failure is None or failure.kind in ("malformed", "unreachable")
    assert seen.height is None or seen.height == 0x1B4
    assert failure is not None or seen.height is not None
