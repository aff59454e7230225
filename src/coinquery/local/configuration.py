"""The ``cq.toml`` of a local world: the same system as on AWS, with short waits and local coins."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from coinquery.local.environment import HOME_REGION
from coinquery.local.state import ACCOUNT, HTTP_PORT, HTTPS_PORT, State

DOMAIN = "example.com"
#: The regions of each level, as different as they may be for one team.
REGIONS = {
    "prod": (HOME_REGION, "eu-west-1"),
    "stage": ("eu-west-1",),
    "dev": ("us-west-2",),
    "test": ("us-west-2",),
}
SLACK_SECRET = "coinquery/slack"  # noqa: S105 - the secret's name
#: Calls an hour to a reference: there are sweeps each second here, and words are old after ten.
BUDGET = 100_000
#: Block 0 of ``litecoind -regtest`` (its ``chainparams.cpp``).
LITECOIN_REGTEST = "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9"


@dataclass(frozen=True)
class Account:
    """What the fresh account holds that ``cq.toml`` must name. ``images`` are local images by digest, by tool."""

    public_zone: str
    private_zone: str
    certificates: Mapping[str, str]
    images: Mapping[str, str]


def all_regions() -> tuple[str, ...]:
    """Every region of every level."""
    return tuple(sorted({region for regions in REGIONS.values() for region in regions}))


def server_names() -> list[str]:
    """What the world's certificate covers: the names of all levels."""
    below = ["", *(f"{level}." for level in REGIONS if level != "prod"), "internal."]
    return [f"*.{label}{DOMAIN}" for label in below]


def text(state: State, account: Account, ca_bundle: str) -> str:
    """The whole file."""
    parts = [_head(), _surroundings(state, ca_bundle), *(_level(name, account) for name in REGIONS)]
    if "anvil" in account.images:
        parts.append(_eth(state, account.images))
    if "litecoind" in account.images:
        parts.append(_ltc(state, account.images))
    return "\n".join(parts)


def _head() -> str:
    return f"""\
# Written by `cq local up`; the next one writes it again.
account = "{ACCOUNT}"
home_region = "{HOME_REGION}"

[waits]
create = "2m"
nodes = "2m"
monitor = "1m"
dns_sync = "30s"
verify = "30s"
delete = "1m"
record_age = "90s"
quiet = "10s"
settle = "1s"
moving = "30s"
poll = "1s"
ask = "1s"

[thresholds]
healthy_records = 2

[slack]
webhook = "secretsmanager:{SLACK_SECRET}"
"""


def _surroundings(state: State, ca_bundle: str) -> str:
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return f"""\
[listener]
https_port = {HTTPS_PORT}
http_port = {HTTP_PORT}

[verify]
name_servers = ["{state.name_server}"]
ca_bundle = {json.dumps(ca_bundle)}

[monitor]
runtime = "python{sys.version_info.major}.{sys.version_info.minor}"
architecture = "{machine}"
composite_alarm = false

[network]
nodes = "public"
nat = "none"
"""


def _level(name: str, account: Account) -> str:
    label = "" if name == "prod" else f"{name}."
    certificates = ", ".join(f'"{region}" = "{account.certificates[region]}"' for region in REGIONS[name])
    private = f"""\
private_name = "{{coin}}.internal.{DOMAIN}"
private_zone = "{account.private_zone}"
"""
    return f"""\
[levels.{name}]
regions = {json.dumps(REGIONS[name])}
name = "{{coin}}.{label}{DOMAIN}"
public_zone = "{account.public_zone}"
certificates = {{ {certificates} }}
{private if name == "prod" else ""}"""


def _eth(state: State, images: Mapping[str, str]) -> str:
    return f"""\
[coins.eth]
dialect = "evm"
chain = "1"
block_time = 1.0
tolerance = "10s"
grace = "1m"
rpc_port = 8545
instance_type = "t3.small"
volume_size = 1
references = [
    {{ shape = "evm", url = "{state.evm_network}", budget = {BUDGET} }},
    {{ shape = "evm", url = "{state.evm_witness}", budget = {BUDGET} }},
]

[[coins.eth.containers]]
name = "node"
image = "{images["anvil"]}"
command = "--host 127.0.0.1 --port 8545 --fork-url {state.evm_network} --no-mining --prune-history --no-storage-caching"
memory = 128

[[coins.eth.containers]]
name = "consensus"
image = "{images["follower"]}"
command = "--node http://127.0.0.1:8545 --network {state.evm_network}"
memory = 64
"""


def _ltc(state: State, images: Mapping[str, str]) -> str:
    node = (
        "-regtest -server -datadir=/data -bind=127.0.0.1:19444 -rpcbind=127.0.0.1 -rpcallowip=127.0.0.0/8"
        " -rpcport=9332 -rpccookiefile=/data/.cookie -vbparams=mweb:-2:0 -rpcworkqueue=256 -dnsseed=0 -discover=0"
        f" -listenonion=0 -printtoconsole=0 -connect={state.litecoin_peer}"
    )
    return f"""\
[coins.ltc]
dialect = "bitcoin"
chain = "{LITECOIN_REGTEST}"
block_time = 1.0
tolerance = "10s"
grace = "1m"
rpc_port = 9332
cookie = "/data/.cookie"
instance_type = "t3.small"
volume_size = 1
references = [
    {{ shape = "status", url = "{state.litecoin_network}", budget = {BUDGET} }},
    {{ shape = "status", url = "{state.litecoin_witness}", budget = {BUDGET} }},
]

[[coins.ltc.containers]]
name = "node"
image = "{images["litecoind"]}"
command = "{node}"
memory = 128
"""
