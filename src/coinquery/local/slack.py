"""An endpoint that stands for Slack's incoming webhooks: it keeps what it is sent, and GET lists it.

As at Slack (docs: "Sending messages using incoming webhooks"), a message is a JSON object with ``text`` or ``blocks``;
the answer is ``ok``, or status 400 with ``invalid_payload`` or ``no_text``.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from coinquery.local import ports

LARGEST_MESSAGE = 1 << 20


class Inbox(BaseHTTPRequestHandler):
    """One request; messages are kept as lines of ``file``."""

    file: Path

    def do_POST(self) -> None:
        """Take a message, or say what is wrong with it."""
        problem, message = self._read()
        if problem:
            self._answer(400, "text/html", problem)
            return
        with self.file.open("a", encoding="utf-8") as inbox:
            inbox.write(json.dumps(message) + "\n")
        self._answer(200, "text/html", "ok")

    def do_GET(self) -> None:
        """List every message, oldest first."""
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        self._answer(200, "application/json", f"[{','.join(lines)}]")

    def _read(self) -> tuple[str, object]:
        length = int(self.headers.get("Content-Length") or 0)
        try:
            message = json.loads(self.rfile.read(min(length, LARGEST_MESSAGE)))
        except ValueError:
            return "invalid_payload", None
        if not isinstance(message, dict):
            return "invalid_payload", None
        return ("" if message.get("text") or message.get("blocks") else "no_text"), message

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve at the address given, keeping messages in the file given."""
    address, file = sys.argv[1:]
    Inbox.file = Path(file)
    ThreadingHTTPServer(ports.split(address), Inbox).serve_forever()


if __name__ == "__main__":
    main()
