"""The world outside as a test wants it: an HTTPS server and a name server that send whatever bytes they are told to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rrset

from coinquery.local.certificates import ServerCertificate

#: What is sent after a request's head: bytes, and seconds of silence.
Pieces = Iterator[bytes | float] | Sequence[bytes | float]


@contextmanager
def https(certificate: ServerCertificate | None, pieces: Callable[[], Pieces]) -> Iterator[tuple[int, list[bytes]]]:
    """Serve at a port of 127.0.0.1, without TLS if there is no certificate; gives the port, and the heads that came."""
    heads: list[bytes] = []
    context = None if certificate is None else _context(certificate)

    def talk(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            plain.settimeout(20)
            connection = plain if context is None else context.wrap_socket(plain, server_side=True)
            with connection:
                heads.append(connection.recv(65536))
                for piece in pieces():
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    else:
                        time.sleep(piece)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], heads
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def name_server(reply: Callable[[bytes], bytes], address: str = "127.0.0.1") -> Iterator[str]:
    """Answer DNS over UDP with whatever ``reply`` makes of a query; gives the address and port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 0))
        listener.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    query, client = listener.recvfrom(4096)
                    listener.sendto(reply(query), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"{address}:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def says(*addresses: str, flags: dns.flags.Flag = dns.flags.AA) -> Callable[[bytes], bytes]:
    """A name server's reply with these addresses, to whatever it is asked; with authority, if no ``flags`` say else."""

    def reply(query: bytes) -> bytes:
        asked = dns.message.from_wire(query)
        answer = dns.message.make_response(asked)
        answer.flags |= flags
        if addresses:
            answer.answer = [dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", *addresses)]
        return answer.to_wire()

    return reply


def _context(certificate: ServerCertificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain"), Path(folder, "key")
        chain.write_bytes(certificate.certificate)
        key.write_bytes(certificate.key)
        context.load_cert_chain(chain, key)
    return context
