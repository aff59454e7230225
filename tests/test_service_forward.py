"""Forwarding, to nodes that fail in every way: the client always gets JSON-RPC, or a connection that breaks off."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.hostile import Script, answers, http, node, sends
from tests.real_nodes import anvil, free_port, litecoind
from tests.services import LIMITS, Answer, run, service

CALL = json.dumps({"jsonrpc": "2.0", "id": "mine", "method": "eth_chainId", "params": []})
REPLY = b'{"jsonrpc":"2.0","id":"mine","result":"0x1"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def posted(script: Script, body: str = CALL, limits: Any = LIMITS) -> Answer:
    found: list[Answer] = []

    async def steps() -> None:
        async with node(script) as it, service(it.url, limits) as client:
            found.append(await client.post(body))

    run(steps())
    return found[0]


def check_failure(answer: Answer, code: int) -> str:
    """Check that the answer is one JSON-RPC error with the call's id, and give its message."""
    assert (answer.status, answer.headers["Content-Type"]) == (502, "application/json")
    document = answer.json()
    assert (document["jsonrpc"], document["id"], document["error"]["code"]) == ("2.0", "mine", code)
    return str(document["error"]["message"])


@pytest.mark.parametrize("path", ["/", "/rpc"])
def test_calls_reach_a_real_node_and_come_back(path: str) -> None:
    async def steps(url: str) -> None:
        async with service(url) as client:
            assert (await client.post(CALL, path)).json()["result"] == "0x1"
            batch = (
                '[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},{"jsonrpc":"2.0","id":2,"method":"anvil_mine"}]'
            )
            by_id = {each["id"]: each for each in (await client.post(batch, path)).json()}
            assert by_id[1]["result"] == "0x121eac0"
            assert by_id[2]["error"]["code"] == -32601

    with anvil("--no-mining") as it:
        run(steps(it.url))
        assert it.ask("eth_blockNumber") == "0x121eac0"


def test_a_bitcoin_node_is_let_in_with_its_cookie_and_keeps_its_own_errors(tmp_path: Path) -> None:
    async def steps(url: str, cookie: Path) -> None:
        async with service(url, coin="ltc", dialect="bitcoin", cookie=cookie) as client:
            assert (await client.post('{"id":1,"method":"getblockcount"}')).json()["result"] == 0
            missing = await client.post('{"id":2,"method":"getblockhash","params":[9]}')
            assert (missing.status, missing.json()["error"]["code"]) == (500, -8)
            assert (await client.post('{"id":3,"method":"stop"}')).json()["error"]["code"] == -32601
            assert (await client.post('{"id":4,"method":"getblockcount"}')).json()["result"] == 0

    with litecoind(tmp_path) as it:
        assert it.cookie is not None
        run(steps(it.url, it.cookie))


@pytest.mark.parametrize("body", [b"", REPLY])
def test_a_node_that_does_not_let_us_in_is_our_failure_not_the_client_s(body: bytes) -> None:
    assert "does not let us in" in check_failure(posted(sends(http(body, "401 Unauthorized"))), -32603)


def test_i14_no_credentials_are_in_an_error(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    cookie.write_text("__cookie__:secret0secret1")

    async def steps() -> None:
        async with node(sends(b"garbage")) as it, service(it.url, cookie=cookie) as client:
            said = [
                await client.post(CALL),
                await client.get("/info"),
                await client.get("/health"),
                await client.get("/metrics"),
            ]
            assert all(b"secret" not in answer.body and b"X19jb29" not in answer.body for answer in said)
            assert "Authorization: Basic X19jb29" in it.asked[0].head

    run(steps())


def test_html_from_the_node_is_a_json_rpc_error() -> None:
    html = http(b"<html>Work queue depth exceeded</html>", "500 Internal Server Error", "text/html; charset=ISO-8859-1")
    assert "Work queue depth exceeded" in check_failure(posted(sends(html)), -32603)


@pytest.mark.parametrize(
    "reply",
    [
        http(REPLY, kind="text/plain"),
        http(b"<html>"),
        http(b""),
        http(b"   "),
        CHUNKED + b"".join([chunk(b" " * 1000)] * 200),
        http(b"null"),
        http(b'"text"'),
        http(b"[" + REPLY + b"]"),
        http(REPLY[:-1]),
        http(b'{"a":' * 5_000),
        http(b'{"jsonrpc":"2.0","id":"mine","result":NaN}'),
        http(REPLY, "301 Moved Permanently", extra="Location: http://127.0.0.1:1/\r\n"),
        http(REPLY, "204 No Content"),
        http(REPLY, extra="Content-Encoding: gzip\r\n"),
        b"\x16\x03\x01\x00\x00 not HTTP at all\r\n\r\n",
    ],
)
def test_what_is_not_json_rpc_is_a_json_rpc_error(reply: bytes) -> None:
    check_failure(posted(sends(reply)), -32603)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"HTTP/1.1 200 OK\r\nContent-",),
        (None,),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n", None),
    ],
)
def test_a_node_that_closes_or_hangs_is_away(pieces: tuple[bytes | None, ...]) -> None:
    check_failure(posted(sends(*pieces)), -32002)


def test_no_node_at_all_is_away() -> None:
    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}") as client:
            assert "Connection refused" in check_failure(await client.post(CALL), -32002)

    run(steps())


def test_every_call_of_a_batch_hears_of_the_failure() -> None:
    batch = '[{"id":1,"method":"eth_chainId"},{"id":2,"method":"stop"},{"id":3,"method":"eth_call"}]'
    answer = posted(sends(b""), batch)
    assert {each["id"]: each["error"]["code"] for each in answer.json()} == {1: -32002, 2: -32601, 3: -32002}


def test_nothing_is_sent_to_the_node_when_nothing_may_be() -> None:
    async def steps() -> None:
        async with node(answers({})) as it, service(it.url) as client:
            for body in ('{"id":1,"method":"admin_peers"}', "[{},{}]", "[]", "nonsense"):
                assert (await client.post(body)).json()
            assert it.asked == []

    run(steps())


def test_the_node_sees_what_was_understood_and_nothing_else() -> None:
    sent = '{"method":"admin_peers","x":1,"Method":"admin_peers","id":1,"method":"eth_chainId","params":[{"a":1.5}]}'

    async def steps() -> None:
        async with node(answers({"eth_chainId": "0x1"})) as it, service(it.url) as client:
            await client.post(sent, Cookie="a=b", Authorization="Basic client", **{"X-Forwarded-For": "1.2.3.4"})
            (said,) = it.asked
            assert json.loads(said.body) == {"id": 1, "method": "eth_chainId", "params": [{"a": 1.5}]}
            assert not {"cookie:", "authorization:", "x-forwarded-for:"} & set(said.head.lower().split())

    run(steps())


def test_a_long_reply_streams_while_it_arrives() -> None:
    """The client has the beginning while the node still holds the end back."""
    rest = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED + chunk(REPLY[:20]))
        await rest.wait()
        writer.write(chunk(REPLY[20:]) + b"0\r\n\r\n")
        writer.close()

    async def steps() -> None:
        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with service(url) as client, client.session.post(client.url, data=CALL) as reply:
            assert await reply.content.readexactly(20) == REPLY[:20]
            rest.set()
            assert await reply.content.read() == REPLY[20:]
        server.close()

    run(steps())


@pytest.mark.parametrize("batch", [False, True])
def test_a_reply_of_many_megabytes_comes_through_whole(batch: bool) -> None:
    result = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "x" * 2**23}).encode()
    body = '{"id":1,"method":"eth_call"}'
    if batch:
        body, result = f'[{body},{{"id":2,"method":"stop"}}]', b"[" + result + b"]"
    answer = posted(sends(http(result)), body)
    expected = json.loads(result)
    assert answer.json()[1:] == expected if batch else answer.json() == expected


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("ending", ["close", "hang"])
def test_a_reply_that_breaks_off_does_not_look_whole(framing: str, ending: str) -> None:
    beginning = b'{"jsonrpc":"2.0","id":1,"result":"' + b"x" * 300_000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n"
    pieces = [head, beginning] if framing == "length" else [CHUNKED, chunk(beginning)]

    async def steps() -> None:
        script = sends(*pieces, *([None] if ending == "hang" else []))
        async with node(script) as it, service(it.url) as client:
            with pytest.raises(aiohttp.ClientError):
                await client.post(CALL)
            assert (await client.get("/live")).status == 200

    run(steps())


def test_bodies_batches_and_requests_under_way_have_limits() -> None:
    async def steps() -> None:
        async with node(sends(None)) as it, service(it.url, replace(LIMITS, under_way=1)) as client:
            too_long = await client.post('{"id":1,"method":"eth_call","params":["' + "x" * 5000 + '"]}')
            assert (too_long.status, too_long.json()["error"]["code"]) == (413, -32005)
            too_many = await client.post("[" + ",".join([CALL] * 6) + "]")
            assert (too_many.status, too_many.json()["error"]["code"]) == (200, -32005)
            assert it.asked == []
            hanging = asyncio.ensure_future(client.post(CALL))
            await it.until_asked("eth_chainId")
            refused = await client.post(CALL)
            assert (refused.status, refused.json()["error"]["code"]) == (503, -32005)
            assert (await hanging).status == 502

    run(steps())


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def steps() -> None:
        async with node(sends(None)) as it, service(it.url) as client:
            host, port = client.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"id":')
            assert b"408" in await reader.readline()
            writer.close()

    run(steps())


def test_hanging_calls_do_not_keep_the_health_check_waiting() -> None:
    def script(body: bytes) -> list[bytes | None]:
        call = json.loads(body)
        return [None] if call["method"] == "eth_call" else answers({"eth_chainId": "0x2"})(body)

    async def steps() -> None:
        limits = replace(LIMITS, connections=1, silence=5.0)
        async with node(script) as it, service(it.url, limits) as client:
            hanging = [asyncio.ensure_future(client.post('{"id":1,"method":"eth_call"}')) for _ in range(3)]
            await it.until_asked("eth_call")
            assert (await client.get("/info")).json()["result"]["chain"] == "2"
            assert not any(each.done() for each in hanging)
            for each in hanging:
                each.cancel()

    run(steps())


def test_get_and_unknown_paths_are_not_forwarded() -> None:
    async def steps() -> None:
        async with node(sends(http(REPLY))) as it, service(it.url) as client:
            assert (await client.get("/")).status == 405
            assert (await client.get("/wallet/x")).status == 404
            assert (await client.post(CALL, "/wallet/x")).status == 404
            assert it.asked == []

    run(steps())
