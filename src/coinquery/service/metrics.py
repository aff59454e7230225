"""``/metrics``, in Prometheus' text format. Every label has few values, whatever clients or the node send.

Format: Prometheus' documentation, "Exposition formats". What is unknown is absent, not 0 (I13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What the service counts from its start. ``forwarded`` is by method of the allow-list and outcome."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.forwarded: Counter[tuple[str, str]] = Counter()

    def render(self, build: Mapping[str, str | None], gauges: Mapping[str, tuple[str, float | None]]) -> str:
        """The page. ``gauges`` is name -> (help, value) of the present moment, ``build`` the labels of the build."""
        lines = [*_counter("coinquery_requests_total", "Requests answered.", ("route", "status"), self.requests)]
        lines += _counter(
            "coinquery_forwarded_calls_total", "JSON-RPC calls by what became of them.", ("method", "outcome"),
            self.forwarded,
        )  # fmt: skip
        lines += _head("coinquery_build_info", "gauge", "What runs here.")
        lines.append(f"coinquery_build_info{_labels(build)} 1")
        for name, (said, value) in gauges.items():
            if value is not None:
                lines += [*_head(name, "gauge", said), f"{name} {value!r}"]
        return "\n".join(lines) + "\n"


def _counter(name: str, said: str, labels: tuple[str, str], counts: Counter[tuple[str, str]]) -> Iterator[str]:
    yield from _head(name, "counter", said)
    for values, count in sorted(counts.items()):
        yield f"{name}{_labels(dict(zip(labels, values, strict=True)))} {count}"


def _head(name: str, kind: str, said: str) -> list[str]:
    return [f"# HELP {name} {said}", f"# TYPE {name} {kind}"]


def _labels(labels: Mapping[str, str | None]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value or "")}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
