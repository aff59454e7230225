"""The JSON-RPC client, against a server that sends what no node should."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.nodes import NodeError, NodeMalformed, NodeRefused, NodeUnreachable, Rpc
from coinquery.nodes.rpc import LONGEST_REPLY
from tests.hostile import Script, answers, http, node, sends
from tests.real_nodes import free_port
from tests.services import run

OURS = '{"jsonrpc":"2.0","id":1,'


async def ask(url: str, seconds: float = 2.0) -> Any:
    async with aiohttp.ClientSession() as session:
        return await Rpc(session, url, seconds).call("eth_blockNumber")


def outcome(script: Script, seconds: float = 2.0) -> Any:
    """The result or the NodeError of one call."""
    found: list[Any] = []

    async def steps() -> None:
        async with node(script) as it:
            try:
                found.append(await ask(it.url, seconds))
            except NodeError as error:
                found.append(error)

    run(steps())
    return found[0]


@pytest.mark.parametrize("result", [None, False, 0, "0x1", {"a": [1]}])
def test_a_result_is_given_as_it_is(result: Any) -> None:
    assert outcome(answers({"eth_blockNumber": result})) == result


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
def test_an_error_of_the_node_is_a_refusal_whatever_the_status(status: str) -> None:
    body = (OURS + '"result":null,"error":{"code":-8,"message":"Block height out of range"}}').encode()
    error = outcome(sends(http(body, status)))
    assert isinstance(error, NodeRefused)
    assert (error.code, str(error)) == (-8, "refused (-8): Block height out of range")


def test_the_service_s_own_error_for_a_node_that_is_away_is_unreachable() -> None:
    error = outcome(answers({"eth_blockNumber": (-32002, "the node gave no usable answer")}))
    assert type(error) is NodeUnreachable


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_credentials_that_are_not_accepted_are_a_refusal(status: str) -> None:
    assert isinstance(outcome(sends(http(b"", status))), NodeRefused)


def test_html_is_malformed_and_quoted() -> None:
    error = outcome(sends(http(b"Work queue depth exceeded", "500 Internal Server Error", "text/html")))
    assert isinstance(error, NodeMalformed)
    assert "HTTP 500" in str(error)
    assert "'Work queue depth exceeded'" in str(error)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"7", b'"x"', b"\xff\xfe", b"NaN", OURS.encode() + b'"result":NaN}',
     OURS.encode() + b'"result":1e999}', OURS.encode() + b'"result":' + b"[" * 200_000, b'{"id":1}',
     b'{"id":1,"error":null}', b'{"id":2,"result":"0x1"}', b'{"result":"0x1"}', b'{"id":1,"error":"no"}',
     b'{"id":1,"error":{"code":"x"}}', b'{"id":1,"error":[]}', b'{"id":1,"result":"0x1"}trailing'],
)  # fmt: skip
def test_i13_what_is_no_reply_is_malformed(body: bytes) -> None:
    assert type(outcome(sends(http(body)))) is NodeMalformed


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"HTTP/1.1 200 OK\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\r\n", b"\x00\x01\x02\x03", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_a_node_error(raw: bytes) -> None:
    assert isinstance(outcome(sends(raw)), NodeUnreachable | NodeMalformed)


@pytest.mark.parametrize("script", [sends(None), sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", None)])
def test_a_node_that_hangs_is_unreachable_in_time(script: Script) -> None:
    error = outcome(script, seconds=0.3)
    assert type(error) is NodeUnreachable
    assert str(error) == "no answer within 0.3 s"


def test_no_listener_is_unreachable_and_no_address_is_told() -> None:
    async def steps() -> None:
        port = free_port()
        with pytest.raises(NodeUnreachable, match=r"^Connection refused$"):
            await ask(f"http://127.0.0.1:{port}")

    run(steps())


def test_a_reply_without_end_is_cut_off() -> None:
    endless = b"%x\r\n" % 2**16 + b" " * 2**16 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    error = outcome(sends(head, *[endless] * (LONGEST_REPLY // 2**16 + 2)), seconds=20)
    assert type(error) is NodeMalformed
    assert "longer than" in str(error)


def test_a_redirect_is_not_followed() -> None:
    async def steps() -> None:
        async with node(answers({"eth_blockNumber": "0x1"})) as other:
            moved = http(b"", "307 Temporary Redirect", extra=f"Location: {other.url}\r\n")
            async with node(sends(moved)) as it:
                with pytest.raises(NodeMalformed):
                    await ask(it.url)
            assert other.asked == []

    run(steps())


def test_a_compressed_reply_is_not_unfolded() -> None:
    import gzip

    body = gzip.compress(OURS.encode() + b'"result":"0x1"}')
    assert type(outcome(sends(http(body, extra="Content-Encoding: gzip\r\n")))) is NodeMalformed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=True),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
REPLY = JSON | st.fixed_dictionaries({"id": st.just(1) | JSON}, optional={"result": JSON, "error": JSON})


@given(st.binary(max_size=60) | REPLY.map(lambda value: json.dumps(value).encode()), st.integers(0, 999))
def test_i13_any_reply_gives_a_result_that_was_sent_or_a_node_error(body: bytes, status: int) -> None:
    """Read without a network: the reply's reading is a function of status, body and id."""
    from coinquery.nodes.rpc import _result

    try:
        result = _result(status, body, 1)
    except NodeError:
        return
    sent = json.loads(body)
    assert sent["id"] == 1
    assert sent.get("error") is None
    assert sent["result"] == result


def test_calls_have_ids_of_their_own() -> None:
    """A reply that was late for one call is not taken for the next one's."""

    async def steps() -> None:
        async with node(sends(http(OURS.encode() + b'"result":"0x1"}'))) as it, aiohttp.ClientSession() as session:
            rpc = Rpc(session, it.url)
            assert await rpc.call("eth_blockNumber") == "0x1"
            with pytest.raises(NodeMalformed, match="another call"):
                await rpc.call("eth_blockNumber")

    run(steps())
