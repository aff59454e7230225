"""Addresses of references that are kept as secrets: used, and told to nobody (I14)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web as server

from coinquery import secret
from coinquery.coins import Reference
from coinquery.decode import decode
from coinquery.errors import BadConfiguration
from coinquery.monitor import addresses, web
from coinquery.monitor.references import Witness, name
from coinquery.monitor.witnesses import Hearing, Memory, Witnesses
from tests.monitored import coin
from tests.worlds import World

pytestmark = pytest.mark.local_aws
REGION, KEY = "us-east-1", "s3cr3t-k3y-0123456789abcdef"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IN_MANAGER, IN_SSM = "secretsmanager:coinquery/references/one", "ssm:/coinquery/references/two"


def _keep(world: World, place: str, text: str) -> None:
    store, _, named = place.partition(":")
    if store == "ssm":
        world.aws.ssm(REGION).put_parameter(Name=named, Value=text, Type="SecureString", Overwrite=True)
        return
    client = world.aws.secrets(REGION)
    try:
        client.create_secret(Name=named, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=named, SecretString=text)


def _read(world: World, place: str, shape: str = "status") -> addresses.Resolved:
    return addresses.read(world.aws, REGION, Reference(shape=shape, url=place))  # type: ignore[arg-type]


async def _hear(*references: Reference) -> Witnesses:
    watched = msgspec.structs.replace(coin(tolerance=7200), references=references)
    async with web.open_session() as session:
        return await Hearing(session, NOW, 5).of("btc", watched, Memory(), {})


class Explorer:
    """A reference that lets in only who has the key, in the query or as password; else it repeats what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __aenter__(self) -> str:
        app = server.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = server.AppRunner(app)
        await self._runner.setup()
        await server.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: server.Request) -> server.Response:
        self.asked.append(request.path_qs)
        query = parse_qs(urlsplit(str(request.url)).query)
        if query.get("key") != [KEY] and "Authorization" not in request.headers:
            return server.Response(text=f"no such key: {request.path_qs}", status=401)
        pages: dict[str, Any] = {"/api/status": {"info": {"blocks": 1000}}}
        return server.json_response(pages.get(request.path, {"blockHash": "a" * 64}))


def test_an_address_with_a_key_in_its_query_or_before_its_host_is_used(world: World) -> None:
    async def steps() -> None:
        one, two = Explorer(), Explorer()
        async with one as first, two as second:
            _keep(world, IN_MANAGER, f" http://{first}/?key={KEY}\n")
            _keep(world, IN_SSM, f"http://user:{KEY}@{second}")
            heard = await _hear(_read(world, IN_MANAGER), _read(world, IN_SSM))
        head = heard.head_for("cq-btc-0001-prod")
        assert (head.height, head.asked, head.vouched) == (1000, 2, 2)
        assert f"/api/status?key={KEY}" in one.asked
        assert "/api/status" in two.asked
        assert {word.by for word in heard.memory.words} == {first, second}
        assert KEY not in msgspec.json.encode(heard.memory).decode()

    asyncio.run(steps())


def test_two_secrets_of_one_host_are_one_witness(world: World) -> None:
    _keep(world, IN_MANAGER, f"https://node.example.com/v3/{KEY}")
    _keep(world, IN_SSM, f"https://node.example.com/v3/another-{KEY}")
    assert name(_read(world, IN_MANAGER)) == name(_read(world, IN_SSM)) == "node.example.com"


@pytest.mark.parametrize("answer", ["401", "garbage", "cut"])
def test_what_a_server_repeats_of_a_secret_address_is_not_told(world: World, answer: str) -> None:
    async def respond(request: server.Request) -> server.Response:
        if answer == "401":
            return server.Response(text=f"no such key: {KEY}", status=401)
        text = f"you asked for {request.path_qs}" if answer == "garbage" else f"{'x' * 85} {KEY}"
        return server.Response(text=text)

    async def steps() -> None:
        app = server.Application()
        app.router.add_get("/{path:.*}", respond)
        runner = server.AppRunner(app)
        await runner.setup()
        await server.TCPSite(runner, "127.0.0.1", 0).start()
        host = f"127.0.0.1:{runner.addresses[0][1]}"
        _keep(world, IN_MANAGER, f"http://{host}/v3/{KEY}")
        why = (await _hear(_read(world, IN_MANAGER))).head_for("cq-btc-0001-prod").why
        in_clear = Reference(shape="status", url=f"http://{host}/v3/{KEY}")
        of_clear = (await _hear(in_clear)).head_for("cq-btc-0001-prod").why
        await runner.cleanup()
        for told in (why, of_clear):
            assert host in told
            assert not any(KEY[i : i + 6] in told for i in range(len(KEY) - 5)), told

    asyncio.run(steps())


@pytest.mark.parametrize("text", ["", "not an address", "ftp://x", "http://", "http://[", "http://a b", "http://x:nan"])
def test_a_secret_that_holds_no_address_is_a_silent_reference(world: World, text: str) -> None:
    _keep(world, IN_SSM, text or " ")
    found = _read(world, IN_SSM)
    assert found.problem == "its address can't be read: what it holds is no http or https address"
    why = asyncio.run(_hear(found)).head_for("cq-btc-0001-prod").why
    assert f"{IN_SSM}: {found.problem}" in why


@pytest.mark.parametrize("place", ["secretsmanager:coinquery/references/none", "ssm:/coinquery/references/none"])
def test_a_secret_that_is_not_there_is_a_silent_reference(world: World, place: str) -> None:
    why = asyncio.run(_hear(_read(world, place))).head_for("cq-btc-0001-prod").why
    assert f"{place}: its address can't be read: " in why
    assert "NotFound" in why


def test_an_address_is_not_in_what_python_prints_of_it(world: World) -> None:
    _keep(world, IN_SSM, f"https://x.example.com/{KEY}")
    found = _read(world, IN_SSM)
    assert KEY in found.url
    assert KEY not in f"{found} {found!r} {[found]} {msgspec.structs.replace(coin(), references=(found,))!r}"
    assert KEY not in repr(Witness(None, "btc", found, 5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{KEY}@x.example.com",
        f"https://x.example.com/?key={KEY}",
        "https://mainnet.example.com/v3/0123456789abcdef0123456789abcdef",
        "secretsmanager:coinquery/slack",
        "ssm:/coinquery/home",
        "secretsmanager:another/secret",
    ],
)
def test_a_key_in_clear_and_a_secret_that_is_no_references_are_refused(url: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        decode({"shape": "evm", "url": url}, Reference, where="cq.toml")
    assert "secretsmanager:coinquery/references/NAME" in refused.value.what
    assert url not in refused.value.what


@pytest.mark.parametrize("url", [IN_MANAGER, IN_SSM, "https://x.example.com/v1/btc/main", "http://127.0.0.1:8545"])
def test_what_a_reference_may_be(url: str) -> None:
    found = decode({"shape": "evm", "url": url}, Reference, where="cq.toml")
    assert addresses.is_secret(found) == secret.is_reference(url) == (not url.startswith("http"))
    assert json.loads(msgspec.json.encode(found))["url"] == url
