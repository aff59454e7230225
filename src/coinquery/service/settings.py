"""What the service is told: its command line, and the limits that it keeps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from coinquery.nodes import DIALECTS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``node`` is the URL of the node's JSON-RPC, ``chain`` its id or genesis hash, ``tolerance`` in seconds.

    ``data`` is a folder of the filesystem that holds the chain's data.
    """

    coin: str
    dialect: str
    node: str
    chain: str
    tolerance: int
    release: str | None = None
    stack: str | None = None
    cookie: Path | None = None
    data: Path | None = None
    listen: tuple[str, int] = ("127.0.0.1", 8080)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what is forwarded, asked and remembered. Sizes in bytes, times in seconds.

    A request's ``body`` holds the largest raw transactions that nodes relay. ``silence`` is how long the node may say
    nothing, ``total`` how long a reply may take in all. ``under_way`` bounds the requests in hand at once, of which
    the node sees as many as there are ``connections``. ``probe`` bounds a question about the node's state; two of them
    in turn take less than the 5 s that the load balancer's health check waits, and with a question for the hash of an
    ``anchor`` less than the 5 s that the monitor waits. ``fresh`` is how long what the node said
    is told again, ``remembered`` how long samples of the data's volume are.
    """

    body: int = 2 * 2**20
    batch: int = 100
    silence: float = 30.0
    total: float = 120.0
    under_way: int = 512
    connections: int = 64
    probe: float = 2.0
    fresh: float = 1.0
    anchor: float = 0.9
    remembered: float = 86400.0


def parse(arguments: Sequence[str]) -> Settings:
    """Read the command line. Exits with code 2 and a message where it is wrong."""
    return Settings(**vars(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m coinquery.service", description=__doc__, allow_abbrev=False)
    parser.add_argument("--coin", required=True, metavar="TICKER")
    parser.add_argument("--dialect", required=True, choices=sorted(DIALECTS))
    parser.add_argument("--node", required=True, type=_url, metavar="URL", help="the node's JSON-RPC")
    parser.add_argument("--chain", required=True, help="chain id, or hash of block 0")
    parser.add_argument("--tolerance", required=True, type=_seconds, metavar="SECONDS", help="a best block's age")
    parser.add_argument("--release", help="the tag that this was released under")
    parser.add_argument("--stack", help="the name of the stack that this runs in")
    parser.add_argument("--cookie", type=Path, metavar="FILE", help="where the node writes its credentials")
    parser.add_argument("--data", type=Path, metavar="PATH", help="a folder on the volume with the chain's data")
    parser.add_argument("--listen", type=_address, default=Settings.listen, metavar="ADDRESS:PORT")
    return parser


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise argparse.ArgumentTypeError("give an http URL without credentials, such as http://127.0.0.1:8545")
    return text


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds above 0")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address = str(ip_address(host.strip("[]")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address and port such as 127.0.0.1:8080") from None
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{port!r} is not a port")
    return address, int(port)
