"""I13: a node is in step only if everything that is needed is known and right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinquery.nodes import NodeState, NodeUnreachable
from coinquery.service.info import split_client
from coinquery.service.instep import reasons_against
from tests.services import SETTINGS

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOOD = NodeState(height=7, head_time=NOW - timedelta(seconds=60), head_hash="0x", syncing=False, chain="1")

KNOWN = st.none() | st.integers(0, 100)
#: What each field may be; one or two of them are drawn, the others are as in GOOD.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "height": KNOWN,
    "head_time": st.none()
    | st.one_of(st.integers(-7205, -7195), st.integers(55, 65), st.integers(-(10**5), 10**5)).map(
        lambda s: NOW - timedelta(seconds=s)
    ),
    "target": KNOWN,
    "syncing": st.none() | st.booleans(),
    "chain": st.none() | st.sampled_from(["1", "2", "01", ""]),
    "failure": st.none() | st.just(NodeUnreachable("away")),
}
STATES = st.lists(st.sampled_from(sorted(FIELDS)), max_size=2, unique=True).flatmap(
    lambda names: st.builds(partial(replace, GOOD), **{name: FIELDS[name] for name in names})
)


@given(STATES)
@example(GOOD)
def test_i13_in_step_means_that_all_of_it_is_known(state: NodeState) -> None:
    reasons = reasons_against(state, SETTINGS, NOW)
    is_fresh = state.head_time is not None and timedelta(hours=-2) <= NOW - state.head_time <= timedelta(seconds=60)
    is_known = state.height is not None and state.failure is None
    assert (not reasons) == (is_known and is_fresh and state.syncing is False and state.chain == "1")


@pytest.mark.parametrize("unknown", ["height", "head_time", "syncing", "chain"])
def test_i13_each_unknown_alone_is_a_reason(unknown: str) -> None:
    assert reasons_against(GOOD, SETTINGS, NOW) == []
    changes: dict[str, Any] = {unknown: None}
    assert "unknown" in " ".join(reasons_against(replace(GOOD, **changes), SETTINGS, NOW))


def test_nothing_known_is_not_in_step() -> None:
    assert len(reasons_against(NodeState(), SETTINGS, NOW)) == 4


@pytest.mark.parametrize(("seconds", "is_in_step"), [(60, True), (61, False), (-7200, True), (-7201, False)])
def test_the_age_of_the_best_block_has_two_limits(seconds: int, is_in_step: bool) -> None:
    state = replace(GOOD, head_time=NOW - timedelta(seconds=seconds))
    assert (not reasons_against(state, SETTINGS, NOW)) is is_in_step


@pytest.mark.parametrize(
    ("said", "client", "version"),
    [
        ("Geth/v1.8.1-stable-1e67410e/linux-amd64/go1.9.4", "geth", "1.8.1-stable"),
        ("reth/v1.9.3-d2e1e7d6/x86_64-unknown-linux-gnu", "reth", "1.9.3"),
        ("erigon/3.2.1/linux-amd64/go1.24", "erigon", "3.2.1"),
        ("Nethermind/v1.31.0+abcdef12/linux-x64/dotnet9", "nethermind", "1.31.0"),
        ("anvil/v1.7.1", "anvil", "1.7.1"),
        ("/LitecoinCore:0.21.2.1/", "litecoincore", "0.21.2.1"),
        ("/Satoshi:29.0.0(comment)/", "satoshi", "29.0.0"),
        ("/Dash Core:21.1.0/", "dash core", "21.1.0"),
        ("something else", "something else", None),
        (None, None, None),
    ],
)
def test_a_client_s_name_and_version(said: str | None, client: str | None, version: str | None) -> None:
    assert split_client(said) == (client, version)


@given(st.text(max_size=60))
def test_whatever_a_client_calls_itself(said: str) -> None:
    client, version = split_client(said)
    assert client is None or isinstance(client, str)
    assert version is None or version in said
