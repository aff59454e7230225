"""The catalogue of coins: data that fits (I1), and a new coin of a known dialect is data alone."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from coinquery.coins import Catalogue, Coin
from coinquery.errors import BadConfiguration, BadStackName, CoinQueryError
from coinquery.naming import LEVELS, LONGEST_TICKER, StackName

SHIPPED = Catalogue.load()
BITCOIN = [coin for coin in SHIPPED if coin.dialect == "bitcoin"]
#: The coins that parted from bitcoin after block 0.
SAME_GENESIS = {"btc", "bch"}


def by_ticker(coin: Coin) -> str:
    return coin.ticker


each_coin = pytest.mark.parametrize("coin", list(SHIPPED), ids=by_ticker)


def test_the_coins_of_the_first_system_are_there() -> None:
    assert {"eth", "btc", "bch", "ltc", "dash", "doge", "zec"} <= {coin.ticker for coin in SHIPPED}


@each_coin
def test_i1_every_derived_name_of_every_coin_fits(coin: Coin) -> None:
    for level in LEVELS:
        for derived in StackName(coin.ticker, 9999, level).derived():
            assert len(derived.value) <= derived.limit


def test_i1_a_ticker_too_long_is_refused_on_entry() -> None:
    entry = _entry()
    Catalogue.load({"x" * LONGEST_TICKER: entry})
    with pytest.raises(CoinQueryError, match="the limit is"):
        Catalogue.load({"x" * (LONGEST_TICKER + 1): entry})


@pytest.mark.parametrize("ticker", ["ETH", "e-th", "eth ", "", "ét", "eth\n"])
def test_i1_what_is_no_ticker_is_refused_on_entry(ticker: str) -> None:
    with pytest.raises((BadStackName, BadConfiguration), match="not a ticker"):
        Catalogue.load({ticker: _entry()})


@pytest.mark.parametrize("coin", BITCOIN, ids=by_ticker)
def test_bitcoins_family_is_known_by_the_hash_of_block_0(coin: Coin) -> None:
    assert re.fullmatch("0000[0-9a-f]{60}|[0-9a-f]{64}", coin.chain)


def test_no_two_chains_are_taken_for_each_other() -> None:
    chains = [coin.chain for coin in SHIPPED if coin.ticker not in SAME_GENESIS]
    assert len(set(chains)) == len(chains)
    assert len({SHIPPED[ticker].chain for ticker in SAME_GENESIS}) == 1


@each_coin
def test_ports_of_a_coin_do_not_collide_on_an_instance(coin: Coin) -> None:
    engine = [8551] if coin.dialect == "evm" else []
    ports = [
        coin.rpc_port,
        8080,
        *engine,
        *(container.peer_port for container in coin.containers if container.peer_port),
    ]
    assert len(set(ports)) == len(ports)


@each_coin
def test_the_command_says_what_the_entry_says(coin: Coin) -> None:
    node = coin.containers[0]
    assert str(coin.rpc_port) in re.findall(r"\d+", node.command)
    for container in coin.containers:
        words = container.command.split(" ")
        assert "" not in words
        assert words == shlex.split(container.command), "a blank within a word, or a quote, would not survive"
        if container.peer_port:
            assert re.search(rf"(port=|:){container.peer_port}\b", container.command)


@each_coin
def test_i14_no_secret_stands_in_a_command(coin: Coin) -> None:
    for container in coin.containers:
        assert not re.search(r"rpc(user|password|auth)\b|token|secret=[^/]", container.command)


@each_coin
def test_rpc_listens_on_the_instances_loopback_only(coin: Coin) -> None:
    for option in re.findall(
        r"(?:rpcbind|http\.addr|authrpc\.addr|RPC__LISTEN_ADDR)=(\S+)", coin.containers[0].command
    ):
        assert option.partition(":")[0] == "127.0.0.1"
    assert re.search(r"(rpcbind|http\.addr|RPC__LISTEN_ADDR)=127\.0\.0\.1", coin.containers[0].command)


@each_coin
def test_data_is_on_the_volume_and_so_is_the_cookie(coin: Coin) -> None:
    for container in coin.containers:
        assert re.search(r"(datadir=|CACHE_DIR=)/data\b", container.command)
    assert coin.cookie == ("/data/.cookie" if coin.dialect == "bitcoin" else "")


@each_coin
def test_memory_of_the_containers_leaves_room_on_the_instance(coin: Coin) -> None:
    """MiB of each instance type in use (AWS's own figures), less 1 GiB for agent and service."""
    memory = {"m7i.large": 8192, "m7i.xlarge": 16384, "m7i.2xlarge": 32768}[coin.instance_type]
    assert sum(container.memory for container in coin.containers) <= memory - 1024


@each_coin
def test_volume_figures_are_ones_that_gp3_takes(coin: Coin) -> None:
    assert coin.volume_throughput <= coin.volume_iops / 4
    assert coin.volume_iops <= 500 * coin.volume_size


@each_coin
def test_two_witnesses_on_different_hosts_vouch_for_the_head(coin: Coin) -> None:
    hosts = {reference.url.split("/")[2] for reference in coin.references}
    assert len(hosts) >= 2


@each_coin
def test_the_tolerance_is_longer_than_chance(coin: Coin) -> None:
    assert coin.tolerance_blocks >= 8
    assert coin.grace > coin.tolerance or coin.tolerance.seconds >= 1800


@each_coin
def test_an_image_is_by_digest_or_known_to_be_unpinned(coin: Coin) -> None:
    unpinned = {"bch", "ltc", "dash", "doge"}
    assert bool(coin.unpinned) == (coin.ticker in unpinned)
    for container in coin.containers:
        assert ":latest" not in container.image


def test_overrides_change_fields_of_one_coin_and_nothing_else() -> None:
    changed = Catalogue.load({"eth": {"instances": 5, "tolerance": "10s"}})
    assert (changed["eth"].instances, changed["eth"].tolerance.seconds) == (5, 10)
    assert changed["eth"].containers == SHIPPED["eth"].containers
    assert changed["btc"] == SHIPPED["btc"]
    assert Catalogue.load()["eth"] == SHIPPED["eth"]


def test_a_new_coin_of_a_known_dialect_is_data_alone() -> None:
    added = Catalogue.load({"xyz": _entry()})
    assert "xyz" in added
    assert added["xyz"].ticker == "xyz"
    assert {coin.ticker for coin in added} == {coin.ticker for coin in SHIPPED} | {"xyz"}


def test_an_unknown_coin_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BadConfiguration, match="unknown coin 'ada'") as refused:
        SHIPPED["ada"]
    assert "btc" in refused.value.remedy


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tolerence", "1m", r"coins\.xyz: unknown field 'tolerence'"),
        ("dialect", "cardano", r"coins\.xyz\.dialect: Invalid enum value 'cardano'"),
        ("block_time", 0, r"coins\.xyz\.block_time: expected a number > 0"),
        ("rpc_port", "8545", r"coins\.xyz\.rpc_port: expected a whole number, got text"),
        ("containers", [], r"coins\.xyz\.containers: expected a list of length >= 1"),
        ("volume_iops", 100, r"coins\.xyz\.volume_iops: expected a whole number >= 3000"),
        ("snapshot", "latest", r"coins\.xyz\.snapshot: expected a snapshot's id"),
        ("references", [{"shape": "insight", "url": "https://x.example"}], r"coins\.xyz\.references\[0\]\.shape"),
        ("ticker", 7, r"coins\.xyz\.ticker: expected text"),
    ],
)
def test_a_wrong_field_is_refused_with_its_place(field: str, value: object, message: str) -> None:
    with pytest.raises(BadConfiguration, match=message):
        Catalogue.load({"xyz": {**_entry(), field: value}})


def _entry() -> dict[str, Any]:
    return {
        "dialect": "bitcoin",
        "chain": "f" * 64,
        "block_time": 60,
        "tolerance": "20m",
        "grace": "30m",
        "rpc_port": 1234,
        "instance_type": "m7i.large",
        "volume_size": 10,
        "containers": [{"name": "node", "image": f"x@sha256:{'0' * 64}", "command": "node", "memory": 512}],
    }
