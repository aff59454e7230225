"""Hostile instances: no sweep dies of one, none holds up another, and the verdict says what was seen."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.errors import AwsUnreachable
from coinquery.monitor import probe
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.records import Record
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch
from tests.hostile import replies
from tests.monitored import Background, Behaviour, Production, chain, coin, says, server, service
from tests.worlds import World

pytestmark = pytest.mark.local_aws
GOOD = "cq-eth-9999-prod"


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture
def quiet() -> Iterator[Background]:
    """An event loop that has nothing to do with what the hostile do to theirs."""
    quiet = Background()
    yield quiet
    quiet.close()


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


def info(**result: Any) -> Behaviour:
    """A service's ``/info`` with this result."""
    return says(json.dumps({"status": "1", "message": "OK", "result": {"commitHash": "f" * 40, **result}}).encode())


async def speaks_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x15\x03\x01\x00\x02\x02\x46")  # a TLS alert: protocol version
    await writer.drain()


CASES: dict[str, tuple[Behaviour, str]] = {
    "drip": (drips, "unreachable"),
    "hang": (hangs, "unreachable"),
    "reset": (resets, "unreachable"),
    "endless": (never_ends, "malformed"),
    "not HTTP": (babbles, "malformed"),
    "HTML 500": (says(b"<html>Work queue depth exceeded", "500 Internal Server Error", "text/html"), "malformed"),
    "HTML 200": (says(b"<html>welcome", kind="text/html"), "malformed"),
    "10 MB": (says(b'{"result":"' + b"x" * 10_000_000 + b'"}'), "malformed"),
    "endless header": (says(b"", kind="x" * 100_000), "malformed"),
    "deep": (says(b"[" * 100_000), "malformed"),
    "empty": (says(b""), "malformed"),
    "NaN": (says(b'{"result":{"commitHash":NaN}}'), "malformed"),
    "negative height": (info(height=-5), "malformed"),
    "huge height": (info(height=2**60), "malformed"),
    "endless number": (says(b'{"result":{"height":' + b"9" * 60_000 + b"}}"), "malformed"),
    "hex without prefix": (info(height="1b4"), "malformed"),
    "wrong types": (info(chain=[1], anchors="x"), "malformed"),
    "nothing but a commit": (info(), "wrong-commit"),
    "cut short": (says(b'{"result":', length=1000), "unreachable"),
    "two lengths": (says(b"{}", kind="text/plain\r\nContent-Length: 7"), "malformed"),
    "TLS": (speaks_tls, "malformed"),
}


def test_hostile_instances_are_told_apart_and_the_good_one_is_healthy(
    world: World, background: Background, quiet: Background
) -> None:
    production = Production(world.aws, world.state)
    elsewhere = production.address()
    cases = {**CASES, "redirect": (redirects(elsewhere), "malformed")}
    limits = Limits(sweep=20, reserve=5, question=3)
    names = {f"cq-eth-{number:04}-prod": case for number, case in enumerate(cases, start=1)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ExitStack() as stack:
        eth = stack.enter_context(chain())
        production.eth = coin(*eth.references)
        connected = stack.enter_context(server(background, elsewhere, hangs))
        for name, case in [*names.items(), (GOOD, "")]:
            address = production.address()
            production.stack(name)
            production.instance(name, address)
            if case:
                stack.enter_context(server(background, address, cases[case][0]))
            else:
                stack.enter_context(service(quiet, address, eth.network.url))
        summary = production.sweep(limits)
    assert {case: production.records(name)[-1].verdict for name, case in names.items()} == {
        case: verdict for case, (_, verdict) in cases.items()
    }
    assert production.records(GOOD)[-1].verdict == "healthy"
    assert (summary.instances, summary.healthy, summary.unreached) == (len(names) + 1, 1, 0)
    assert connected == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def seen_in_order(production: Production, limits: Limits) -> list[Record]:
    order: list[Record] = []
    production.watch(limits, on_record=order.append).once()
    return order


def test_a_hung_instance_delays_nobody(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    with ExitStack() as stack:
        eth = stack.enter_context(chain())
        production.eth = coin(*eth.references)
        for name, behave in (("cq-eth-0001-prod", hangs), (GOOD, None)):
            address = production.address()
            production.stack(name)
            production.instance(name, address)
            running = server(background, address, behave) if behave else service(background, address, eth.network.url)
            stack.enter_context(running)
        first, last = seen_in_order(production, Limits(sweep=30, reserve=5, question=4))
    assert (first.stack, first.verdict) == (GOOD, "healthy")
    assert (last.verdict, last.reason) == ("unreachable", "no answer within 4 s")
    assert (last.time - first.time).total_seconds() > 1


def test_no_more_are_asked_at_once_than_the_limit_and_all_are_asked(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    asked, most = 0, 0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        try:
            await reader.read()  # until the monitor gives up
        finally:
            asked -= 1

    with ExitStack() as stack:
        for number in range(1, 6):
            address = production.address()
            production.instance(f"cq-eth-{number:04}-prod", address)
            stack.enter_context(server(background, address, counts))
        order = seen_in_order(production, Limits(sweep=30, reserve=5, question=1, at_once=2))
    assert [record.reason for record in order] == ["no answer within 1 s"] * 5
    assert most == 2


def test_an_answer_that_waits_for_a_reference_holds_no_slot(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    with ExitStack() as stack:
        hung = production.address()
        stack.enter_context(server(background, hung, hangs))
        production.eth = coin(f"http://{hung}:8080", f"http://{hung}:8080/2")
        for name in ("cq-eth-0001-prod", "cq-ltc-0001-prod"):
            address = production.address()
            production.stack(name)
            production.instance(name, address)
            stack.enter_context(server(background, address, info()))
        coins = Configuration(coins={"eth": production.eth, "ltc": coin()})
        order: list[Record] = []
        limits = Limits(sweep=30, reserve=5, question=3, at_once=1)
        production.watch(limits, configuration=coins, on_record=order.append).once()
    assert [record.coin for record in order] == ["ltc", "eth"]
    assert (order[1].time - order[0].time).total_seconds() > 1


def test_what_the_sweep_did_not_get_to_is_recorded_as_unknown(world: World, background: Background) -> None:
    production = Production(world.aws, world.state)
    address = production.address()
    production.instance(GOOD, address)
    with server(background, address, hangs):
        summary = production.sweep(Limits(sweep=6, reserve=4, question=60))
    [record] = production.records(GOOD)
    assert (summary.instances, summary.unreached, summary.healthy) == (1, 1, 0)
    assert (record.verdict, record.reason) == ("unknown", "not seen within the sweep's 6 s")


def test_i12_an_aws_that_does_not_answer_ends_the_sweep_in_time(
    world: World, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = world.state.address(191, 2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}:8080")
    limits = Limits(sweep=2, reserve=1)
    with server(background, address, hangs), pytest.raises(AwsUnreachable, match="within the sweep's 2 s"):
        Watch(
            region="eu-west-1",
            aws=Aws(),
            configuration=Configuration(coins={}),
            clock=SystemClock(),
            by="here",
            limits=limits,
        ).once()


SWEEPS_ONCE = """
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch
limits, configuration = Limits(sweep=2, reserve=1), Configuration(coins={})
Watch(region="eu-west-1", aws=Aws(), configuration=configuration, clock=SystemClock(), by="here", limits=limits).once()
"""


def test_i12_nor_does_such_an_aws_hold_the_process(world: World, background: Background) -> None:
    """A call waits for a minute and is made again; whoever ends a sweep, or presses Ctrl-C, does not."""
    address = world.state.address(191, 4)
    environment = {**world.environment, "AWS_ENDPOINT_URL": f"http://{address}:8080"}
    with server(background, address, hangs):
        done = subprocess.run(
            [sys.executable, "-c", SWEEPS_ONCE], env=environment, capture_output=True, timeout=45, check=False
        )
    assert done.returncode == 1
    assert b"AwsUnreachable" in done.stderr


@given(body=replies)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i13_no_reply_breaks_the_probe_or_makes_up_a_number(world: World, background: Background, body: bytes) -> None:
    """One connection a reply, over real HTTP; what is read is what was written in the right kind, or nothing."""
    address = world.state.address(191, 1)
    with server(background, address, says(body)):
        seen, failure = asyncio.run(probe.look(address, 2))
    assert failure is None or failure.kind in ("malformed", "unreachable")
    assert seen.height in (None, 436)
    assert seen.block_time is None or seen.block_time == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert seen.progress in (None, 436, 2**60), "any number that a node can count to"
    assert set(seen.anchors) <= {430, 10**9}


@given(raw=st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_on_the_wire_break_the_probe(world: World, background: Background, raw: bytes) -> None:
    address = world.state.address(191, 3)

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    with server(background, address, babble):
        seen, failure = asyncio.run(probe.look(address, 2))
    assert failure is not None
    assert (seen.height, seen.commit) == (None, None)
