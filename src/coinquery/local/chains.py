"""The chains that local nodes follow, a block each second: eth, and ltc where litecoind is installed.

Each chain has two public nodes, because a head is what two witnesses vouch for: the coin's references in ``cq.toml``.
"""

from __future__ import annotations

import sys
import time

from coinquery.local import ports, toolchain
from coinquery.local.configuration import LITECOIN_REGTEST
from coinquery.local.state import Component, State

#: How far back a node may fork the eth chain, in blocks. Each costs memory, more on a longer chain: 0.2 to 1.5 MB.
STATES_KEPT = 120
FIRST_BLOCK = 19_000_000
LITECOIN_RPC_PORT = 9332


def network(state: State) -> list[Component]:
    """The programs of all local chains."""
    return [*_evm(state), *_litecoin(state)]


def _evm(state: State) -> list[Component]:
    """A chain that looks like mainnet: chain id 1, a height to match, a block each second. No node asks the other."""
    began = str(int(time.time()))
    nodes = {"evm-network": state.evm_network, "evm-witness": state.evm_witness}
    miner = [argument for url in nodes.values() for argument in ("--node", url)]
    return [
        *(_anvil(name, url, began) for name, url in nodes.items()),
        _module("evm-miner", "coinquery.local.evm_miner", *miner),
    ]


def _anvil(name: str, url: str, began: str) -> Component:
    """A node whose first block is of the time ``began``; it finds blocks when it is told to."""
    listens = url.removeprefix("http://")
    host, port = ports.split(listens)
    command = (
        str(toolchain.anvil()), "--host", host, "--port", str(port), "--silent", "--no-mining", "--timestamp", began,
        "--chain-id", "1", "--number", str(FIRST_BLOCK), "--prune-history", str(STATES_KEPT),
    )  # fmt: skip
    return Component(name, command, listens)


def _litecoin(state: State) -> list[Component]:
    """A regtest chain: the node that mines, another that gets its blocks, a service before each as reference."""
    if toolchain.litecoind() is None:
        return []
    host, _ = ports.split(state.litecoin_peer)
    node = _litecoind(state, "litecoin-network", host, f"-bind={state.litecoin_peer}")
    host, _ = ports.split(state.litecoin_witness.removeprefix("http://"))
    witness = _litecoind(state, "litecoin-witness", host, "-listen=0", f"-connect={state.litecoin_peer}")
    miner = ("--node", f"http://{node.listens}", "--cookie", _cookie(state, node))
    return [
        node,
        _module("litecoin-miner", "coinquery.local.miner", *miner),
        _service(state, "litecoin-reference", node, state.litecoin_network),
        witness,
        _service(state, "litecoin-witness-reference", witness, state.litecoin_witness),
    ]


def _litecoind(state: State, name: str, host: str, *options: str) -> Component:
    rpc = f"{host}:{LITECOIN_RPC_PORT}"
    command = (
        str(toolchain.litecoind()), "-regtest", "-server", f"-datadir={state.folder(name)}", "-disablewallet",
        f"-rpcbind={host}", "-rpcallowip=127.0.0.0/8", f"-rpcport={LITECOIN_RPC_PORT}",
        "-vbparams=mweb:-2:0", "-rpcworkqueue=256", "-dnsseed=0", "-discover=0", "-listenonion=0", "-printtoconsole=0",
        *options,
    )  # fmt: skip
    return Component(name, command, rpc)


def _cookie(state: State, node: Component) -> str:
    """Where a litecoind writes its credentials."""
    return str(state.folder(node.name) / "regtest" / ".cookie")


def _service(state: State, name: str, node: Component, url: str) -> Component:
    """The service in front of a litecoind; it is asked as a reference of shape ``status``."""
    listens = url.removeprefix("http://")
    return _module(
        name, "coinquery.service",
        "--coin", "ltc", "--dialect", "bitcoin", "--node", f"http://{node.listens}", "--chain", LITECOIN_REGTEST,
        "--tolerance", "10", "--cookie", _cookie(state, node), "--listen", listens, listens=listens,
    )  # fmt: skip


def _module(name: str, module: str, *arguments: str, listens: str = "") -> Component:
    return Component(name, (sys.executable, "-P", "-m", module, *arguments), listens)
