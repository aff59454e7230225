"""The chains that local nodes follow, a block each second: eth, and ltc where litecoind is installed."""

from __future__ import annotations

import sys

from coinquery.local import toolchain
from coinquery.local.configuration import LITECOIN_REGTEST
from coinquery.local.state import Component, State

#: How far back a replica may ask for state, in blocks; one that lags more is out of step anyway. Each costs memory.
STATES_KEPT = 10
FIRST_BLOCK = 19_000_000
LITECOIN_RPC_PORT = 9332


def network(state: State) -> list[Component]:
    """The programs of all local chains."""
    return [_evm(state), *_litecoin(state)]


def _evm(state: State) -> Component:
    """A chain that looks like mainnet: chain id 1, a height to match, a block each second."""
    listens = state.evm_network.removeprefix("http://")
    host, _, port = listens.partition(":")
    command = (
        str(toolchain.anvil()), "--host", host, "--port", port, "--silent",
        "--chain-id", "1", "--number", str(FIRST_BLOCK), "--block-time", "1", "--prune-history", str(STATES_KEPT),
    )  # fmt: skip
    return Component("evm-network", command, listens)


def _litecoin(state: State) -> list[Component]:
    """A regtest chain: the node, the miner that makes it find a block each second, and a service as its reference."""
    program = toolchain.litecoind()
    if program is None:
        return []
    data = state.folder("litecoin-network")
    cookie = str(data / ".cookie")
    host, _, _ = state.litecoin_peer.partition(":")
    rpc = f"{host}:{LITECOIN_RPC_PORT}"
    listens = state.litecoin_network.removeprefix("http://")
    node = (
        str(program), "-regtest", "-server", f"-datadir={data}", "-disablewallet", f"-bind={state.litecoin_peer}",
        f"-rpcbind={host}", "-rpcallowip=127.0.0.0/8", f"-rpcport={LITECOIN_RPC_PORT}", f"-rpccookiefile={cookie}",
        "-vbparams=mweb:-2:0", "-rpcworkqueue=256", "-dnsseed=0", "-discover=0", "-listenonion=0", "-printtoconsole=0",
    )  # fmt: skip
    service = (
        "--coin", "ltc", "--dialect", "bitcoin", "--node", f"http://{rpc}", "--chain", LITECOIN_REGTEST,
        "--tolerance", "10", "--cookie", cookie, "--listen", listens,
    )  # fmt: skip
    miner = ("--node", f"http://{rpc}", "--cookie", cookie)
    python = (sys.executable, "-P", "-m")
    return [
        Component("litecoin-network", node, rpc),
        Component("litecoin-miner", (*python, "coinquery.local.miner", *miner), ""),
        Component("litecoin-reference", (*python, "coinquery.service", *service), listens),
    ]
