"""The cookie with which a Bitcoin node lets programs of the same machine in."""

from __future__ import annotations

import base64
from pathlib import Path

from coinquery.nodes.errors import NodeUnreachable

LARGEST_COOKIE = 4096


class Cookie:
    """The ``user:password`` that a node writes to a file at each start, and so changes at each restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._header = ""

    def header(self) -> str:
        """The value of the Authorization header; the file is read again whenever it is another one.

        Raises NodeUnreachable where there is none: a node that is starting has not written it yet.
        """
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._header, self._seen = self._read(), seen
        except OSError as error:
            raise NodeUnreachable(f"its cookie can't be read: {error.strerror}") from None
        return self._header

    def _read(self) -> str:
        with self._path.open("rb") as file:
            return "Basic " + base64.b64encode(file.read(LARGEST_COOKIE).strip()).decode("ascii")
