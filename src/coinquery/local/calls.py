"""A call of the AWS API as it comes over the wire: which service, operation and region, with which parameters."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape

_SCOPE = re.compile(r"Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
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
            return _rest_operation(self.service, self.method, self.target)
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

    def refuse(self, code: str, message: str) -> Answer:
        """AWS's refusal, status 400, in the protocol of the call."""
        if self._is_cbor:
            return Answer(400, _error_cbor(code, message), {"Content-Type": "application/cbor", **_CBOR})
        if "X-Amz-Target" in self.headers:
            body = json.dumps({"__type": code, "message": message})
            return Answer(400, body.encode(), {"Content-Type": "application/x-amz-json-1.1"})
        text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error><RequestId>0</RequestId>"
        return Answer(400, f"<ErrorResponse>{text}</ErrorResponse>".encode(), {"Content-Type": "text/xml"})

    @property
    def _scope(self) -> tuple[str, str]:
        found = _SCOPE.search(self.headers.get("Authorization", ""))
        return (found[1], _SIGNING_NAMES.get(found[2], found[2])) if found else ("?", "?")

    @property
    def _is_cbor(self) -> bool:
        return "Smithy-Protocol" in self.headers


_CBOR = {"smithy-protocol": "rpc-v2-cbor"}


def _read_cbor(body: bytes) -> dict[str, Any]:
    from botocore.parsers import BaseCBORParser

    stream = io.BufferedReader(io.BytesIO(body))  # type: ignore[arg-type]
    return dict(BaseCBORParser().parse_data_item(stream)) if body else {}


def _error_cbor(code: str, message: str) -> bytes:
    """A CBOR map of two texts (RFC 8949: 0xA0 map, 0x79 text with a length of two bytes)."""
    texts = ("__type", code, "message", message)
    return b"\xa2" + b"".join(b"\x79" + len(t.encode()).to_bytes(2) + t.encode() for t in texts)


def _rest_operation(service: str, method: str, target: str) -> str:
    """The operation of a REST request: the one with most of its path and query fixed, by botocore's own models."""
    url = urlsplit(target)
    query = set(parse_qsl(url.query, keep_blank_values=True))
    keys = {key for key, _ in query}
    fits = (
        (len(fixed), weight, name)
        for name, verb, path, fixed, weight in _rest_routes(service)
        if verb == method and path.fullmatch(url.path) and all(k in keys and (not v or (k, v) in query) for k, v in fixed)
    )
    return max(fits, default=(0, 0, "?"))[2]


@cache
def _rest_routes(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[tuple[str, str]], int]]:
    from botocore.session import get_session

    model = get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(r"\\{[^}]*?(\\\+)?\\}", lambda m: ".+" if m[1] else "[^/]+", re.escape(path.rstrip("/")))
        fixed = frozenset(parse_qsl(query, keep_blank_values=True))
        routes.append((name, http["method"], re.compile(pattern + "/?"), fixed, len(re.sub(r"\{[^}]*\}", "", path))))
    return routes
