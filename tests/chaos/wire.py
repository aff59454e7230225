"""What stands between one command that runs in this process and AWS: it notes each call and may do anything to it.

A real kill needs a process of its own, which costs half a second; the state machine has thousands of steps. Here a
killed command is cut off from AWS instead: from then on each of its calls, in whatever thread, raises
``Killed``, which no ``except Exception`` stops, before anything is sent. So code that cleans up may run and
can't reach AWS any more, as after SIGKILL. (What it might still reach is Slack; nothing that cleans up speaks to it.)
The real kills, point by point, are another part of the chaos run.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit

import botocore
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader
from urllib3 import HTTPResponse

import coinquery.aws
from coinquery.aws import Aws
from coinquery.local.calls import Answer, Call
from tests.chaos.proxy import LOOKS
from tests.teams import REGION

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session


class Killed(BaseException):
    """The command is dead."""


@dataclass
class Sent:
    """One call: ``number`` counts a command's calls from 0, ``change`` those of them that change something."""

    number: int
    change: int
    service: str
    operation: str
    request: AWSPreparedRequest
    wire: Wire

    @property
    def changes(self) -> bool:
        """Whether it asks for a change."""
        return not self.operation.startswith(LOOKS)

    @property
    def body(self) -> bytes:
        """What is sent."""
        body = self.request.body or b""
        return body.encode() if isinstance(body, str) else bytes(cast("bytes", body))

    @property
    def call(self) -> Call:
        """The call as the local AWS reads it."""
        url = urlsplit(self.request.url)
        target = url.path + ("?" + url.query if url.query else "")
        headers = {key.title(): _text(value) for key, value in self.request.headers.items()}
        return Call(self.request.method, target, headers, self.body)

    def send(self) -> AWSResponse:
        """Have AWS answer."""
        return self.wire.http.send(self.request)

    def answered(self, answer: Answer) -> AWSResponse:
        """An answer of ours, as if AWS had given it."""
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        raw = HTTPResponse(io.BytesIO(answer.body), headers=headers, status=answer.status, preload_content=False)
        return AWSResponse(self.request.url, answer.status, cast("Any", raw.headers), raw)

    def refused(self, code: str, message: str, status: int) -> AWSResponse:
        """A refusal in the protocol of the call."""
        return self.answered(self.call.refuse(code, message, status))

    def lost(self) -> ConnectionClosedError:
        """What botocore raises where the connection breaks."""
        return ConnectionClosedError(endpoint_url=self.request.url)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


class Trouble(Protocol):
    """Does something to calls: gives an answer, raises, or returns None and lets the call be."""

    def __call__(self, sent: Sent) -> AWSResponse | None:
        """What becomes of a call."""
        ...


Watcher = Callable[[Sent], None]


@dataclass
class Wire:
    """One command's way to AWS: ``watchers`` see each call before it is sent, ``troubles`` stand in line after them."""

    watchers: list[Watcher] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    changes: int = 0
    dead: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    http: URLLib3Session = field(default_factory=URLLib3Session)

    def on_send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
        """botocore's event before a request is sent."""
        if self.dead:
            raise Killed
        service, operation = event_name.split(".")[1:]
        with self._lock:
            sent = Sent(len(self.calls), self.changes, service, operation, request, self)
            self.calls.append(str(sent))
            self.changes += sent.changes
        for watch in self.watchers:
            watch(sent)
        for trouble in self.troubles:
            answer = trouble(sent)
            if answer is not None:
                return answer
        return None

    def kill(self) -> None:
        """The command is dead from here on."""
        self.dead = True
        raise Killed


class Switchboard:
    """Makes clients for many commands: each call goes by the wire of the command under way. Models are read once."""

    def __init__(self) -> None:
        self._wires: list[Wire] = []
        self._loader = Loader()
        self._hook: Callable[..., AWSResponse | None] | None = None

    @contextmanager
    def installed(self) -> Iterator[Switchboard]:
        """Every command of this process gets the same clients, while the block runs."""
        botocore.register_initializer(self._on_session)
        before, shared = coinquery.aws.Aws, self.aws(self._on_send)
        coinquery.aws.Aws = lambda *_, **__: shared  # type: ignore[misc, assignment]
        try:
            yield self
        finally:
            coinquery.aws.Aws = before  # type: ignore[misc]
            botocore.unregister_initializer(self._on_session)

    def aws(self, on_send: Callable[..., AWSResponse | None], **options: Any) -> Aws:
        """Clients of which ``on_send`` is told each call before it is sent."""
        self._hook = on_send
        aws = Aws(**options)
        aws.sts(REGION)  # its session is made with the first client
        self._hook = None
        return aws

    @contextmanager
    def wire(self, wire: Wire) -> Iterator[Wire]:
        """The wire of the command that runs in the block."""
        self._wires.append(wire)
        try:
            yield wire
        finally:
            self._wires.pop()

    def _on_session(self, session: Session) -> None:
        session.register_component("data_loader", self._loader)
        if self._hook is not None:
            session.register("before-send", cast("Any", self._hook))

    def _on_send(self, **given: Any) -> AWSResponse | None:
        if not self._wires:
            raise Killed
        return self._wires[-1].on_send(**given)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def json_answer(document: bytes, headers: Mapping[str, Any] | None = None) -> Answer:
    """A JSON document with status 200."""
    return Answer(200, document, {"Content-Type": "application/json", **(headers or {})})
