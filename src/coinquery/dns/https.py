"""One HTTPS GET to one address, under the name for which its certificate must be valid.

Nobody is trusted: the whole exchange has a limit in time, the reply one in size, and redirects are not followed.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.client import HTTPException, HTTPResponse
from os import strerror
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The longest body that is read, in bytes.
LARGEST = 64 * 1024


class NoReply(Exception):
    """There is no whole reply; the message says why."""


@dataclass(frozen=True)
class Reply:
    """A whole reply, and when the certificate of its connection ends."""

    status: int
    body: bytes
    certificate_end: datetime


class Https:
    """Asks as a client would; ``ca_bundle`` is trusted in place of the system's authorities where it is given."""

    def __init__(self, port: int, ca_bundle: str, seconds: float) -> None:
        self._port = port
        self._ca_bundle = ca_bundle
        self._seconds = seconds

    def get(self, name: str, address: str, path: str) -> Reply:
        """The reply to ``GET https://name/path`` at that address, from connecting to its last byte in time.

        Raises NoReply.
        """
        deadline = time.monotonic() + self._seconds
        try:
            with socket.create_connection((address, self._port), self._seconds) as plain:
                plain.settimeout(_left(deadline))
                with self._trusted.wrap_socket(plain, server_hostname=name) as connection:
                    certificate_end = _end(connection)
                    connection.sendall(self._request(name, path))
                    return Reply(*_read(connection, deadline), certificate_end)
        except HTTPException as error:
            raise NoReply(f"no whole HTTP: {type(error).__name__}") from None
        except ssl.SSLCertVerificationError as error:
            raise NoReply(f"its certificate is refused: {error.verify_message}") from None
        except TimeoutError:
            raise NoReply(f"no whole answer within {self._seconds:g} s") from None
        except ssl.SSLError as error:
            raise NoReply(f"no TLS: {error.reason or type(error).__name__}") from None
        except OSError as error:
            raise NoReply(strerror(error.errno) if error.errno else type(error).__name__) from None
        except ValueError:  # what http.client makes of a chunk whose size is none
            raise NoReply("no whole HTTP: a chunk without a size") from None

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_bundle or None)

    def _request(self, name: str, path: str) -> bytes:
        host = name if self._port == 443 else f"{name}:{self._port}"
        return (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\nUser-Agent: coinquery\r\n"
            "Connection: close\r\n\r\n"
        ).encode()


class _Timed(io.RawIOBase):
    """What comes over a connection, until a deadline: then reading raises TimeoutError; beyond a size, NoReply."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._connection.settimeout(_left(self._deadline))
        read = self._connection.recv_into(buffer)
        self._read += read
        if self._read > 2 * LARGEST:
            raise NoReply(f"its answer is longer than {LARGEST} bytes")
        return read

    def makefile(self, *_: Any) -> io.BufferedReader:
        """The one thing that HTTPResponse wants of a socket."""
        return io.BufferedReader(self)


def _read(connection: socket.socket, deadline: float) -> tuple[int, bytes]:
    """Status and body. Raises TimeoutError and HTTPException."""
    response = HTTPResponse(cast("socket.socket", _Timed(connection, deadline)), method="GET")
    with response:
        response.begin()
        body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise NoReply(f"its answer is longer than {LARGEST} bytes")
        if response.length:
            raise NoReply("the connection broke within its answer")
        return response.status, body


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end(connection: ssl.SSLSocket) -> datetime:
    certificate = connection.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
