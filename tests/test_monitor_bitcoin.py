"""Sweeps over real peers that speak Bitcoin's dialect: each verdict from a real cause, and back when it is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from coinquery.coins import Reference
from coinquery.monitor.configuration import Configuration, Watched
from coinquery.monitor.records import Record
from coinquery.monitor.sweep import Limits
from tests.coin_stacks import until
from tests.monitored import COMMIT, Background, Production, service
from tests.real_nodes import REGTEST_GENESIS, RealNode, free_port, litecoind
from tests.worlds import World

pytestmark = pytest.mark.local_aws
STACK = "cq-ltc-0001-prod"
#: A service tells of a node that hangs within 5 s.
LIMITS = Limits(sweep=20, reserve=5, question=6)
SERVICE: dict[str, Any] = {"coin": "ltc", "dialect": "bitcoin", "chain": REGTEST_GENESIS, "tolerance": 3600}


@dataclass
class Peers:
    """The network's node with two explorers before it, and the node of an instance, which is its peer."""

    production: Production
    references: tuple[str, str]
    network: RealNode
    folder: Path
    port: int
    address: str
    joined: int
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Start the instance's node, also where its last one stopped."""
        self.running = ExitStack()
        arguments = (f"-connect=127.0.0.1:{self.joined}", "-dns=0")
        self.node = self.running.enter_context(litecoind(self.folder, self.port, *arguments))

    def mine(self, blocks: int) -> list[str]:
        """Let the network find blocks; return their hashes."""
        return list(self.network.ask("generatetodescriptor", blocks, "raw(51)"))

    def look(self, patience: int = 300) -> Record:
        """Sweep; return what is said of the instance."""
        records: list[Record] = []
        ltc = Watched(
            dialect="bitcoin",
            chain=REGTEST_GENESIS,
            block_time=1,
            tolerance=3600,
            tolerance_blocks=3,
            grace=0,
            patience=patience,
            references=tuple(Reference(shape="status", url=url, budget=10**6) for url in self.references),
        )
        configuration = Configuration(coins={"ltc": ltc})
        self.production.watch(LIMITS, configuration=configuration, on_record=records.append).once()
        (record,) = records
        return record

    def follows(self) -> bool:
        """Whether the instance's node is where the network is."""
        return bool(self.node.ask("getbestblockhash") == self.network.ask("getbestblockhash"))

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """The instance's node without its network, which it finds again afterwards."""
        self.node.ask("setnetworkactive", False)
        assert until(lambda: not self.node.ask("getconnectioncount"))
        try:
            yield
        finally:
            self.node.ask("setnetworkactive", True)
            self.node.ask("addnode", f"127.0.0.1:{self.joined}", "onetry")
            assert until(self.follows)


@pytest.fixture(scope="module")
def peers(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    production, background, joined = Production(world.aws, world.state), Background(), free_port()
    folders = [tmp_path_factory.mktemp(name) for name in ("network", "node")]
    one, two, address = (production.address() for _ in range(3))
    production.instance(production.stack(STACK), address)
    listens = (f"-port={joined}", f"-bind=127.0.0.1:{joined}", "-listen=1")
    with ExitStack() as running:
        network = running.enter_context(litecoind(folders[0], None, *listens))
        references = (f"http://{one}:8080", f"http://{two}:8080")
        peers = Peers(production, references, network, folders[1], free_port(), address, joined)
        peers.mine(40)
        peers.start()
        running.callback(lambda: peers.running.close())
        for each in (one, two):
            running.enter_context(service(background, each, network.url, cookie=network.cookie, **SERVICE))
        running.enter_context(service(background, address, peers.node.url, cookie=peers.node.cookie, **SERVICE))
        assert until(peers.follows)
        yield peers
    background.close()


@pytest.fixture(autouse=True)
def _healthy_before_and_after(peers: Peers) -> Iterator[None]:
    """Each cause begins where all is well, and is gone at the end."""
    assert peers.look().verdict == "healthy"
    yield
    assert until(peers.follows)
    back = peers.look()
    assert (back.verdict, back.lag_blocks, back.witnesses) == ("healthy", 0, 2), back.reason
    assert back.anchor_hash == back.expected_anchor_hash is not None


def test_a_node_without_its_network_lags_and_then_is_stalled(peers: Peers) -> None:
    with peers.cut_off():
        peers.mine(10)
        late = peers.look()
        assert (late.verdict, late.lag_blocks, late.rate) == ("lagging", 10, 0)
        assert "it says that it is not syncing" in late.reason
        peers.mine(1)
        stalled = peers.look(patience=0)
        assert (stalled.verdict, stalled.lag_blocks) == ("stalled", 11)
        assert peers.look().verdict == "lagging"  # it has not been so for as long as 300 s


def test_headers_ahead_of_blocks_are_no_progress_and_not_in_step(peers: Peers) -> None:
    with peers.cut_off():
        hashes = peers.mine(10)
        for each in hashes:
            peers.node.ask("submitheader", peers.network.ask("getblockheader", each, False))
        told = peers.node.ask("getblockchaininfo")
        assert told["headers"] - told["blocks"] == 10
        assert peers.look().verdict in ("lagging", "syncing")
        (last,) = peers.mine(1)
        peers.node.ask("submitheader", peers.network.ask("getblockheader", last, False))
        stalled = peers.look(patience=0)
        assert stalled.verdict == "stalled", stalled.reason


def test_a_node_on_a_chain_of_its_own_is_on_the_wrong_chain(peers: Peers) -> None:
    with peers.cut_off():
        height = peers.node.ask("getblockcount")
        left = peers.node.ask("getblockhash", height - 20)
        peers.node.ask("invalidateblock", left)
        rolled_back = peers.look()
        assert (rolled_back.verdict, rolled_back.lag_blocks) == ("lagging", 21)
        peers.node.ask("generatetodescriptor", 19, "raw(52)")  # 51 might make the very blocks that it left
        away = peers.look()
        assert (away.verdict, away.height) == ("wrong-chain", height - 2)
        assert away.anchor is not None
        assert away.anchor_hash == peers.node.ask("getblockhash", away.anchor)
        assert away.expected_anchor_hash == peers.network.ask("getblockhash", away.anchor)
        assert f"its block {away.anchor} is {away.anchor_hash}" in away.reason
        peers.node.ask("reconsiderblock", left)


def test_a_node_that_hangs_is_unreachable_though_its_service_answers(peers: Peers) -> None:
    os.kill(peers.node.process.pid, signal.SIGSTOP)
    try:
        hung = peers.look()
    finally:
        os.kill(peers.node.process.pid, signal.SIGCONT)
    assert (hung.verdict, hung.commit, hung.height) == ("unreachable", COMMIT, None)


def test_a_stopped_node_is_unreachable_though_its_service_answers(peers: Peers) -> None:
    peers.node.process.kill()
    peers.running.close()
    try:
        gone = peers.look()
    finally:
        peers.start()
    assert (gone.verdict, gone.commit, gone.height) == ("unreachable", COMMIT, None)
    assert gone.reason.startswith("its node: ")


def test_a_node_that_refuses_its_service_is_not_healthy(peers: Peers) -> None:
    """Its credentials are another node's, as after a restore from a snapshot."""
    assert peers.node.cookie is not None
    cookie = peers.node.cookie.read_bytes()
    peers.node.cookie.write_bytes(b"__cookie__:another")
    try:
        refused = peers.look()
    finally:
        peers.node.cookie.write_bytes(cookie)
    assert refused.verdict in ("unreachable", "malformed")
    assert (refused.commit, refused.height) == (COMMIT, None)
