"""Caddy's configuration for a load balancer: its listeners and rules in Caddy's words.

Two of Caddy's ways decided its shape. A change of the configuration closes idle connections, and a request that is just
then on its way over one is lost: so each load balancer has a Caddy of its own, and where its requests go is not in the
configuration but in files (``slots``) that are read for each request. And Caddy takes new upstreams for healthy,
forgets health when reloaded and does not fail open: so who is healthy is found out elsewhere and told by those files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coinquery.local import certificates
from coinquery.local.state import State

ADMIN_PORT = 2019
#: Each target group's files: divisible by 1, 2, 3, 4, 6 and 12, so that round robin is fair to that many targets.
SLOTS = 12

Record = Mapping[str, Any]
Listener = tuple[Record, Iterable[Record]]


def slots(state: State, target_group: str) -> list[Path]:
    """The files that say where a target group's requests go, ``address:port`` in each; requests take them in turn."""
    folder = state.folder(f"balancers/{target_group.rpartition('/')[2]}")
    return [folder / str(slot) for slot in range(SLOTS)]


def configuration(state: State, address: str, listeners: Iterable[Listener]) -> Mapping[str, Any]:
    """The configuration (https://caddyserver.com/docs/json/) for a load balancer's listeners and their rules."""
    listeners = list(listeners)
    arns = sorted({c["CertificateArn"] for listener, _ in listeners for c in listener.get("Certificates", ())})
    pairs = [certificates.files(state.root / "certificates", arn) for arn in arns]
    admin = f"{address}:{ADMIN_PORT}"
    return {
        "admin": {"listen": admin, "origins": [admin], "config": {"persist": False}},
        "apps": {
            "tls": {"certificates": {"load_files": [{"certificate": str(c), "key": str(k)} for c, k in pairs]}},
            "http": {
                "metrics": {},
                "servers": {str(each["Port"]): _server(state, address, each, rules) for each, rules in listeners},
            },
        },
    }


def _server(state: State, address: str, listener: Record, rules: Iterable[Record]) -> Mapping[str, Any]:
    ordered = sorted(rules, key=lambda rule: (rule["IsDefault"], int(rule["Priority"]) if not rule["IsDefault"] else 0))
    server = {
        "listen": [f"{address}:{listener['Port']}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1", "h2"],
        "idle_timeout": "60s",
        "routes": [_route(state, rule) for rule in ordered],
    }
    return {**server, "tls_connection_policies": [{}]} if listener["Protocol"] == "HTTPS" else server


def _route(state: State, rule: Record) -> Mapping[str, Any]:
    matchers = {"host-header": "host", "path-pattern": "path"}
    conditions = {matchers[c["Field"]]: c["Values"] for c in rule["Conditions"]}
    handler = _handler(state, rule["Actions"][-1])
    return {"match": [conditions] if conditions else [], "handle": [handler], "terminal": True}


def _handler(state: State, action: Record) -> Mapping[str, Any]:
    kind = action["Type"]
    if kind == "forward":
        dials = [{"dial": f"{{file.{slot}}}"} for slot in slots(state, action["TargetGroupArn"])]
        balancing = {"selection_policy": {"policy": "round_robin"}}
        transport = {"protocol": "http", "dial_timeout": "10s", "keep_alive": {"idle_timeout": "30s"}}
        return {"handler": "reverse_proxy", "upstreams": dials, "load_balancing": balancing, "transport": transport}
    if kind == "redirect":
        to = action["RedirectConfig"]
        location = f"{to['Protocol'].lower()}://{to['Host']}:{to['Port']}{to['Path']}?{to['Query']}"
        return _answer(to["StatusCode"].removeprefix("HTTP_"), "Location", _placed(location), "")
    fixed = action["FixedResponseConfig"]
    return _answer(fixed["StatusCode"], "Content-Type", fixed["ContentType"], fixed["MessageBody"])


def _answer(status: str, header: str, value: str, body: str) -> Mapping[str, Any]:
    return {"handler": "static_response", "status_code": int(status), "headers": {header: [value]}, "body": body}


def _placed(location: str) -> str:
    """AWS's placeholders of a redirect as Caddy's."""
    for theirs, ours in {
        "/#{path}?#{query}": "{http.request.uri}",
        "#{protocol}": "{http.request.scheme}",
        "#{host}": "{http.request.host}",
        "#{port}": "{http.request.port}",
    }.items():
        location = location.replace(theirs, ours)
    return location
