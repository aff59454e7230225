"""Where the AWS of one machine keeps its files and which addresses its parts have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coinquery.errors import WrongUse

ACCOUNT = "000000000000"
HTTPS_PORT, HTTP_PORT = 8443, 8080


@dataclass(frozen=True)
class State:
    """One local world: a folder for its files and a block 127.``block``.0.0/16 for its addresses.

    Worlds with different folders and blocks stand side by side. In one that is ``guarded``, signatures and policies
    are checked as in IAM.
    """

    root: Path
    block: int = 84
    guarded: bool = False

    @classmethod
    def default(cls) -> State:
        """The world of this user: ``CQ_LOCAL_DIR`` and ``CQ_LOCAL_BLOCK``, or the usual state folder and 84.

        Raises WrongUse for a block that is not a number from 1 to 254.
        """
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        root = Path(os.environ.get("CQ_LOCAL_DIR") or home / "coinquery")
        return cls(root, _block(os.environ.get("CQ_LOCAL_BLOCK") or "84"))

    def address(self, subnet: int, host: int) -> str:
        """An address of this world: subnet 0 is the parts' own, 1-199 are for instances, 200-250 for balancers."""
        return f"127.{self.block}.{subnet}.{host}"

    @property
    def gateway(self) -> str:
        """The AWS endpoint: the rule table in front of the AWS API."""
        return f"http://{self.address(0, 1)}:4566"

    @property
    def ministack(self) -> str:
        """The AWS API itself, for the controller, which plays AWS's part."""
        return f"http://{self.address(0, 2)}:4566"

    @property
    def name_server(self) -> str:
        """The DNS server of the hosted zones, as address:port, UDP and TCP."""
        return f"{self.address(0, 3)}:5300"

    @property
    def slack(self) -> str:
        """The endpoint that stands for Slack's incoming webhooks."""
        return f"http://{self.address(0, 4)}:8090"

    @property
    def evm_network(self) -> str:
        """The chain that local eth nodes follow: JSON-RPC of a public node."""
        return f"http://{self.address(0, 10)}:8545"

    @property
    def evm_witness(self) -> str:
        """A second public node of that chain, which does without the first: JSON-RPC."""
        return f"http://{self.address(0, 13)}:8545"

    @property
    def litecoin_network(self) -> str:
        """The service beside the node that mines the local Litecoin chain."""
        return f"http://{self.address(0, 11)}:8080"

    @property
    def litecoin_peer(self) -> str:
        """The peer-to-peer address of the node that mines the local Litecoin chain."""
        return f"{self.address(0, 12)}:19444"

    @property
    def litecoin_witness(self) -> str:
        """The service beside a second public node of that chain."""
        return f"http://{self.address(0, 14)}:8080"

    @property
    def calls(self) -> Path:
        """The log of every call that the gateway took."""
        return self.folder("logs") / "aws-calls.jsonl"

    def folder(self, name: str) -> Path:
        """A folder of this world, made if it is not there."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def _block(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 254:
        return int(text)
    raise WrongUse(f"CQ_LOCAL_BLOCK is {text!r}", "It is the second number of 127.x.0.0/16: give one from 1 to 254.")


@dataclass(frozen=True)
class Component:
    """A program that ``cq local up`` starts and watches. ``listens`` is its address:port, asked to see it is ready."""

    name: str
    command: tuple[str, ...]
    listens: str
    environment: Mapping[str, str] = field(default_factory=dict)
