"""A call of the AWS API as it comes over the wire: which service, operation and region, with which parameters."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from botocore.model import OperationModel, StructureShape

    from coinquery.aws import Aws

_SCOPE = re.compile(r"Credential=([^/]+)/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_SIGNING_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
_REST = {"lambda", "route53", "s3"}


@dataclass(frozen=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def with_json(self, data: Mapping[str, Any]) -> Answer:
        """The same answer with another JSON body."""
        return replace(self, body=json.dumps(data).encode())

    @property
    def xml(self) -> Xml.Element:
        """The body as XML."""
        return Xml.fromstring(self.body)  # noqa: S314 - ministack wrote it


@dataclass(frozen=True)
class Call:
    """One request. ``service`` is boto3's name of it; service and operation are ``?`` where they can't be told."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def region(self) -> str:
        """The region for which the request was signed."""
        return self._scope[0]

    @property
    def access_key(self) -> str:
        """The id of the key that signed the request, which tells one caller from another; it is no secret."""
        found = _SCOPE.search(self.headers.get("Authorization", ""))
        return found[1] if found else "?"

    @property
    def service(self) -> str:
        """The service for which the request was signed."""
        return self._scope[1]

    @property
    def operation(self) -> str:
        """The operation's name, found as each of AWS's protocols spells it."""
        if "X-Amz-Target" in self.headers:
            return self.headers["X-Amz-Target"].rpartition(".")[2]
        if self._is_cbor:
            return self.target.rpartition("/operation/")[2]
        if self.service in _REST:
            return _rest_operation(self)
        return str(self.parameters.get("Action", "?"))

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters as sent: flat names for query protocols, nested for JSON and CBOR, empty for REST."""
        if self._is_cbor:
            return _read_cbor(self.body)
        if "X-Amz-Target" in self.headers:
            return dict(json.loads(self.body or b"{}"))
        return {} if self.service in _REST else dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def members(self, name: str) -> list[str]:
        """The values of a list parameter of a query protocol: ``Name.member.1`` or ``Name.1``."""
        pattern = re.compile(rf"{re.escape(name)}\.(member\.)?[0-9]+")
        return [value for key, value in self.parameters.items() if pattern.fullmatch(key)]

    def with_parameters(self, parameters: Mapping[str, Any]) -> Call:
        """The same call with other parameters (JSON and query protocols)."""
        if "X-Amz-Target" in self.headers:
            return replace(self, body=json.dumps(parameters).encode())
        return replace(self, body=urlencode(parameters).encode())

    def refuse(self, code: str, message: str, status: int = 400) -> Answer:
        """AWS's refusal in the protocol of the call."""
        if self._is_cbor:
            return Answer(status, _error_cbor(code, message), {"Content-Type": "application/cbor", **_CBOR})
        if "X-Amz-Target" in self.headers:
            body = json.dumps({"__type": code, "message": message})
            return Answer(status, body.encode(), {"Content-Type": "application/x-amz-json-1.1"})
        text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error><RequestId>0</RequestId>"
        return Answer(status, f"<ErrorResponse>{text}</ErrorResponse>".encode(), {"Content-Type": "text/xml"})

    @property
    def _scope(self) -> tuple[str, str]:
        found = _SCOPE.search(self.headers.get("Authorization", ""))
        return (found[2], _SIGNING_NAMES.get(found[3], found[3])) if found else ("?", "?")

    @property
    def _is_cbor(self) -> bool:
        return "Smithy-Protocol" in self.headers


#: How a call goes on to who answers it; and what stands in its way there.
Proceed = Callable[[Call], Awaitable[Answer]]
Rule = Callable[["Aws", Proceed, Call], Awaitable[Answer]]

_CBOR = {"smithy-protocol": "rpc-v2-cbor"}


def _read_cbor(body: bytes) -> dict[str, Any]:
    from botocore.parsers import BaseCBORParser

    stream = io.BufferedReader(io.BytesIO(body))
    return dict(BaseCBORParser().parse_data_item(stream)) if body else {}


def _error_cbor(code: str, message: str) -> bytes:
    """A CBOR map of two texts (RFC 8949: 0xA0 map, 0x79 text with a length of two bytes)."""
    texts = ("__type", code, "message", message)
    return b"\xa2" + b"".join(b"\x79" + len(t.encode()).to_bytes(2) + t.encode() for t in texts)


def _rest_operation(call: Call) -> str:
    """The operation of a REST request: the one that asks most of path, query and headers, by botocore's own models."""
    fits = (route for route in _routes(call.service) if route.fits(call))
    return max(fits, key=lambda r: (len(r.query), len(r.headers), r.literal), default=_UNKNOWN).operation


@dataclass(frozen=True)
class _Route:
    """Where a REST operation is: ``query`` must be there (``""``: any value); ``literal`` counts fixed characters."""

    operation: str
    method: str = ""
    path: re.Pattern[str] = re.compile("")
    query: frozenset[tuple[str, str]] = frozenset()
    headers: frozenset[str] = frozenset()
    literal: int = 0

    def fits(self, call: Call) -> bool:
        url = urlsplit(call.target)
        query = parse_qsl(url.query, keep_blank_values=True)
        given = {*query, *((key, "") for key, _ in query)}
        return (
            call.method == self.method
            and bool(self.path.fullmatch(url.path))
            and self.query <= given
            and all(name in call.headers for name in self.headers)
        )


_UNKNOWN = _Route("?")


@cache
def _routes(service: str) -> list[_Route]:
    from botocore.session import get_session

    model = get_session().get_service_model(service)
    return [_route(model.operation_model(name)) for name in model.operation_names]


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pieces = re.split(r"(\{[^}]*\})", path.rstrip("/"))
    pattern = "".join(_piece(piece) for piece in pieces)
    literal = sum(len(piece) for piece in pieces if not piece.startswith("{"))
    fixed = frozenset(parse_qsl(query, keep_blank_values=True))
    method, headers = operation.http["method"], frozenset(_required_headers(operation.input_shape))
    return _Route(operation.name, method, re.compile(pattern + "/?"), fixed, headers, literal)


def _required_headers(shape: StructureShape | None) -> Iterator[str]:
    for name in shape.required_members if shape else ():
        place = shape.members[name].serialization if shape else {}
        if place.get("location") == "header":
            yield place["name"].title()


def _piece(piece: str) -> str:
    if piece.startswith("{"):
        return ".+" if piece.endswith("+}") else "[^/]+"
    return re.escape(piece)
