"""The allow-list: no trick brings a call through that is not on it, and what passes is what was understood."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinquery.service import calls
from coinquery.service.allowlist import ALLOWED

EVM = ALLOWED["evm"]
FORBIDDEN = [
    "admin_peers", "admin_addPeer", "personal_unlockAccount", "personal_sendTransaction", "debug_traceTransaction",
    "debug_setHead", "miner_start", "engine_newPayloadV4", "engine_forkchoiceUpdatedV3", "eth_sendTransaction",
    "eth_sign", "eth_signTransaction", "eth_accounts", "eth_submitWork", "txpool_content", "anvil_reset",
    "evm_setIntervalMining", "eth_subscribe", "eth_newFilter", "clique_propose", "les_addBalance", "rpc.discover",
    "stop", "getbalance", "sendtoaddress", "dumpprivkey", "importprivkey", "walletpassphrase", "signrawtransaction",
    "addnode", "setban", "disconnectnode", "invalidateblock", "reconsiderblock", "pruneblockchain", "generatetoaddress",
    "setnetworkactive", "getpeerinfo", "listunspent", "createwallet", "loadwallet", "backupwallet", "submitblock",
    "scantxoutset", "gettxoutsetinfo", "logging", "savemempool", "help",
]  # fmt: skip

#: Ways to write a forbidden method so that a careless check lets it through, or an allowed one so that it is another.
SPELLINGS = st.sampled_from(
    [
        str,
        str.upper,
        str.title,
        str.swapcase,
        lambda method: f" {method}",
        lambda method: f"{method} ",
        lambda method: f"{method}\n",
        lambda method: f"{method}\x00",
        lambda method: f"\ufeff{method}",
        lambda method: f"{method}\u200b",
        lambda method: f"eth_call{method}",
        lambda method: f"eth_call\x00{method}",
        lambda method: f"/wallet/{method}",
        lambda method: method.replace("a", "\u0430"),
        lambda method: method.replace("_", "\uff3f"),
        lambda method: method.replace("_", "."),
    ]
)
METHODS = (
    st.sampled_from(sorted(EVM))
    | st.builds(lambda m, spell: spell(m), st.sampled_from([*FORBIDDEN, *sorted(EVM)]), SPELLINGS)
    | st.text()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "method",
        "method",
        "Method",
        "METHOD",
        " method",
        "m\\u0065thod",
        "params",
        "Params",
        "id",
        "ID",
        "jsonrpc",
        "extra",
    ]
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """The text of an object whose members may come twice, in any order and in any letters."""
    members = []
    for name in draw(st.lists(NAMES, max_size=6)):
        value = draw(METHODS if "ethod" in name.lower() or "u0065" in name else JSON)
        members.append(f'"{name}":{json.dumps(value, ensure_ascii=draw(st.booleans()))}')
    return "{" + ",".join(members) + "}"


BODIES = st.one_of(
    objects(),
    st.lists(objects(), max_size=6).map(lambda entries: "[" + " , ".join(entries) + "]"),
    JSON.map(json.dumps),
)


def every_method(body: bytes) -> list[Any]:
    """All members of all calls whose name any parser could take for ``method``, duplicates kept."""
    found: list[Any] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        return {"members": members}

    data = json.loads(body, object_pairs_hook=pairs)
    for call in data if isinstance(data, list) else [data]:
        found += [value for name, value in call["members"] if name.strip().lower() == "method"]
    return found


@given(BODIES)
@example('{"method":"eth_chainId","method":"admin_peers"}')
@example('{"method":"admin_peers","method":"eth_chainId"}')
@example('{"method":"eth_chainId","Method":"admin_peers"}')
@example('{"method":"eth_chainId "}')
@example('{"method":"ETH_CHAINID"}')
@example('{"method":"eth_chainId","m\\u0065thod":"admin_peers","id":1}')
@example('[{"method":"eth_chainId","id":1},[{"method":"admin_peers","id":2}]]')
def test_whatever_is_sent_only_allowed_methods_reach_the_node(body: str) -> None:
    try:
        asked = calls.read(body.encode("utf-8", "surrogatepass"), EVM, 100)
    except calls.Unacceptable:
        return
    if asked.calls:
        methods = every_method(asked.body())
        assert len(methods) == len(asked.calls)
        assert set(methods) <= EVM
    entries = json.loads(body)
    assert len(asked.calls) + len(asked.refusals) == (len(entries) if isinstance(entries, list) else 1)


@given(st.sampled_from(FORBIDDEN), SPELLINGS, st.integers(0, 4), st.sampled_from(sorted(ALLOWED)))
def test_a_forbidden_method_passes_in_no_position_and_no_spelling(
    method: str, spell: Any, place: int, dialect: str
) -> None:
    allowed = ALLOWED[dialect]
    harmless = sorted(allowed)[0]
    batch = [{"jsonrpc": "2.0", "id": number, "method": harmless} for number in range(4)]
    batch.insert(place, {"jsonrpc": "2.0", "id": "planted", "method": spell(method)})
    asked = calls.read(json.dumps(batch).encode(), allowed, 100)
    assert [call.method for call in asked.calls] == [harmless] * 4
    (refusal,) = asked.refusals
    assert (refusal["id"], refusal["error"]["code"]) == ("planted", -32601)


def test_the_lists_hold_reads_and_raw_transactions_only() -> None:
    for allowed in ALLOWED.values():
        assert not allowed & set(FORBIDDEN)
    assert {name.split("_")[0] for name in EVM} == {"eth", "net", "web3"}
    assert {name for name in EVM | ALLOWED["bitcoin"] if "send" in name.lower()} == {
        "eth_sendRawTransaction",
        "sendrawtransaction",
    }


@given(
    JSON.filter(lambda value: isinstance(value, list | dict)),
    st.none() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_parameters_and_id_are_carried_over_as_they_are(params: Any, number: Any) -> None:
    sent = {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": params}
    try:
        asked = calls.read(json.dumps(sent).encode(), EVM, 1)
    except calls.Unacceptable:  # integers that msgspec does not read
        return
    if asked.calls:
        assert json.loads(asked.body()) == sent


def test_a_call_without_an_id_gets_one_so_that_it_is_answered() -> None:
    asked = calls.read(b'{"method":"eth_chainId"}', EVM, 1)
    assert json.loads(asked.body()) == {"id": None, "method": "eth_chainId"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000, b'{"method":"eth_chainId"}x', b"\xef\xbb\xbf{}"]
)
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(calls.Unacceptable) as raised:
        calls.read(body, EVM, 5)
    assert (raised.value.code, raised.value.status) == (-32700, 400)


def test_an_empty_and_an_over_long_batch_are_refused_as_a_whole() -> None:
    with pytest.raises(calls.Unacceptable, match="empty") as empty:
        calls.read(b"[]", EVM, 5)
    assert empty.value.code == -32600
    with pytest.raises(calls.Unacceptable, match="6 calls, the limit is 5") as long:
        calls.read(b"[" + b",".join([b'{"method":"eth_chainId"}'] * 6) + b"]", EVM, 5)
    assert long.value.code == -32005


@pytest.mark.parametrize(
    ("entry", "number"),
    [
        ("5", None),
        ("null", None),
        ("[]", None),
        ("{}", None),
        ('{"id":7}', 7),
        ('{"id":7,"method":5}', 7),
        ('{"id":"a","method":"eth_chainId","params":"x"}', "a"),
        ('{"id":true,"method":"eth_chainId"}', None),
        ('{"id":{},"method":"eth_chainId"}', None),
        ('{"id":7,"method":"eth_chainId","jsonrpc":"3.0"}', 7),
    ],
)
def test_what_is_no_call_is_an_invalid_request_with_its_id_if_it_has_one(entry: str, number: Any) -> None:
    asked = calls.read(f"[{entry}]".encode(), EVM, 5)
    assert asked.calls == ()
    (refusal,) = asked.refusals
    assert (refusal["id"], refusal["error"]["code"]) == (number, -32600)


@pytest.mark.parametrize(
    "theirs", ['[{"id":1,"result":"0x1"}]', ' \n[ {"id":1,"result":"0x1"}]', "[]", '{"id":null,"error":{}}']
)
def test_our_refusals_and_the_node_s_answers_make_one_array(theirs: str) -> None:
    asked = calls.read(b'[{"id":1,"method":"eth_chainId"},{"id":2,"method":"stop"}]', EVM, 5)
    joined = json.loads(b"".join(asked.around(theirs.encode())))
    node_said = json.loads(theirs)
    assert joined == [*asked.refusals, *(node_said if isinstance(node_said, list) else [node_said])]


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_a_failing_node_gives_an_error_to_every_call_by_id(is_allowed: list[bool]) -> None:
    batch = [{"id": n, "method": "eth_chainId" if fine else "stop"} for n, fine in enumerate(is_allowed)]
    answer = msgspec.json.decode(calls.read(json.dumps(batch).encode(), EVM, 5).answer(-32002, "away"))
    codes = {each["id"]: each["error"]["code"] for each in answer}
    assert codes == {n: -32002 if fine else -32601 for n, fine in enumerate(is_allowed)}
