"""What CoinQuery must know of a coin to run and to judge its nodes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from coinquery import naming
from coinquery.decode import shaped
from coinquery.durations import Duration

Dialect = Literal["evm", "bitcoin"]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

#: A part of an address's path that is a key, to all appearances: long, and with a digit in it.
_KEY = "(?=[^/]*[0-9])[A-Za-z0-9_-]{20,}"
_IMAGE_BY_DIGEST = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}", re.ASCII)


class Container(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One container of a coin's node.

    ``command`` is one string, split at blanks, and so is ``entrypoint``, which replaces the image's own if it is given.
    The chain's data is at ``/data``, the node's loopback is 127.0.0.1. ``memory`` is in MiB and is a reservation.
    ``peer_port`` is open to the world, TCP and UDP, where the subnets are public.
    """

    name: Annotated[str, shaped("[a-z][a-z0-9-]{0,31}", "a name of lower-case letters, digits and hyphens")]
    image: str
    command: Annotated[str, shaped("[^ ]+( [^ ]+)*", "words separated by single blanks")]
    entrypoint: Annotated[str, shaped("([^ ]+( [^ ]+)*)?", "words separated by single blanks")] = ""
    memory: Positive
    peer_port: Port | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the image is named by digest, so that it can't change under us."""
        return _IMAGE_BY_DIGEST.fullmatch(self.image) is not None


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place outside our stacks that tells where a chain's head is.

    ``shape`` says how to read its answer: ``evm`` is JSON-RPC, ``status`` is the ``/api/status`` that clients of the
    first system know, ``blockbook`` and ``blockcypher`` are public explorers' (facts: their own documentation).
    ``url`` is its address, or where a secret address is kept in the home region (``monitor/addresses.py``).
    ``budget`` is how many calls an hour it may be asked, by all regions together.
    """

    shape: Literal["evm", "status", "blockbook", "blockcypher"]
    url: Annotated[
        str,
        shaped(
            rf"https?://[^\s@/?#]+(?!\S*/{_KEY}(/|\Z))(/[^\s@?#]*)?"
            r"|secretsmanager:coinquery/references/[A-Za-z0-9/_+=.@-]+|ssm:/coinquery/references/[A-Za-z0-9/_.-]+",
            "an http or https address without user, password, query and key; one with a key is a secret: "
            "secretsmanager:coinquery/references/NAME or ssm:/coinquery/references/NAME",
        ),
    ]
    budget: Positive = 600


class Coin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A coin's entry in the catalogue. Times are in seconds, the volume in GiB.

    ``containers`` holds one or two node containers; the first answers RPC at ``rpc_port`` on the instance's loopback.
    ``chain`` is the chain id (evm) or the hash of block 0 (bitcoin). ``tolerance`` is how old the best block may be,
    and how far behind the network's in time, to count as in step. ``grace`` is how long a new instance may take
    before the monitor stops calling it starting. A node that is behind and has not moved for as long as ``patience``
    is stalled; a volume that will be full within ``full_within`` is filling.
    """

    ticker: str
    dialect: Dialect
    chain: str
    block_time: Annotated[float, msgspec.Meta(gt=0)]
    tolerance: Duration
    grace: Duration
    patience: Duration = Duration(300)
    full_within: Duration = Duration(7 * 86400)
    rpc_port: Port
    containers: Annotated[tuple[Container, ...], msgspec.Meta(min_length=1, max_length=2)]
    instance_type: str
    volume_size: Positive
    volume_iops: Annotated[int, msgspec.Meta(ge=3000, le=80000)] = 3000
    volume_throughput: Annotated[int, msgspec.Meta(ge=125, le=2000)] = 125
    snapshot: Annotated[str, shaped("(snap-[0-9a-f]{8,17})?", "a snapshot's id such as snap-0123456789abcdef0")] = ""
    instances: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    references: tuple[Reference, ...] = ()
    cookie: str = ""

    def __post_init__(self) -> None:
        naming.check_ticker(self.ticker)

    @property
    def tolerance_blocks(self) -> int:
        """The tolerance in blocks, at least one."""
        return max(1, round(self.tolerance.seconds / self.block_time))

    @property
    def unpinned(self) -> tuple[Container, ...]:
        """The containers whose image is not named by digest; a deploy refuses them."""
        return tuple(container for container in self.containers if not container.is_pinned)
