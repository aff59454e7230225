"""Whether an address is free, and which program holds it if not (Linux: read from ``/proc``)."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from coinquery.errors import PortInUse

_LISTENING = "0A"


def split(address: str) -> tuple[str, int]:
    """``127.84.0.1:4566`` as host and port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def answers(address: str) -> bool:
    """Whether something accepts TCP connections at ``address:port``."""
    try:
        with socket.create_connection(split(address), timeout=1):
            return True
    except OSError:
        return False


def require_free(name: str, address: str) -> None:
    """Raise PortInUse if ``name`` could not listen at ``address``, saying who holds it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(split(address))
            probe.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortInUse(f"{name} cannot listen on {address}: {error.strerror}", "Linux is needed.") from error
            raise PortInUse(
                f"{name} needs {address}, and {_holder(address)} holds that port",
                "End that program, or keep apart from it: set CQ_LOCAL_BLOCK to another number from 1 to 254.",
            ) from None


def _holder(address: str) -> str:
    """The program that listens at an address or at its port on every address, as well as this user may see it."""
    for inode in _sockets(*split(address)):
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if str(link.readlink()) == f"socket:[{inode}]":
                    process = link.parents[1]
                    return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return "a program of another user"


def _sockets(host: str, port: int) -> Iterator[str]:
    local = {f"{socket.inet_aton(h)[::-1].hex().upper()}:{port:04X}" for h in (host, "0.0.0.0")}  # noqa: S104
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] in local and fields[3] == _LISTENING:
                yield fields[9]
