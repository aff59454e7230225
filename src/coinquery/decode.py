"""Turn plain data into checked structs, with errors a person can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from coinquery.durations import Duration
from coinquery.errors import BadConfiguration

T = TypeVar("T")

#: What each pattern means, for messages: nobody reads a regular expression under stress.
_MEANINGS: dict[str, str] = {}
_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
          "object": "a table", "null": "nothing"}  # fmt: skip


def shaped(pattern: str, meaning: str) -> msgspec.Meta:
    """The constraint that a whole text has the shape of ``pattern``; messages say ``meaning`` in its place."""
    whole = rf"\A(?:{pattern})\Z"
    _MEANINGS[whole] = meaning
    return msgspec.Meta(pattern=whole, description=meaning)


def decode(data: Any, kind: type[T], where: str) -> T:
    """Check ``data`` against ``kind``; ``where`` names its place for the message.

    Raises BadConfiguration with the field and what is wrong with it, without a text's value: it may be a secret.
    """
    try:
        return msgspec.convert(data, kind, dec_hook=_decode_value)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `")
        place = where + "".join(_steps(data, kind, str(error), path))
        raise BadConfiguration(
            f"{place}: {_plain(text)}", "Correct it there; docs/configuration.md lists every field."
        ) from None


def _decode_value(kind: type, value: Any) -> Any:
    if kind is Duration:
        if not isinstance(value, str):
            raise ValueError("not a duration; write 90s, 10m, 2h or 14d, in quotes")
        return Duration.parse(value)
    raise NotImplementedError(kind)


def _plain(text: str) -> str:
    """msgspec's sentence in words that say what to write."""
    for pattern, meaning in _MEANINGS.items():
        if repr(pattern) in text:
            return f"expected {meaning}"
    text = re.sub(r"`([^`]+)`", lambda match: _kind(match[1]), text)
    text = text.replace("Object contains unknown field", "unknown field").replace(
        "Object missing required field", "missing field"
    )
    return text.replace("Expected", "expected", 1)


def _kind(name: str) -> str:
    """A kind of value, such as msgspec's ``int | null``, in words; a field's name in quotes."""
    kinds = [kind for kind in name.split(" | ") if kind != "null"] or ["null"]
    return " or ".join(_WORDS.get(kind, f"'{kind}'") for kind in kinds)


def _steps(data: Any, kind: type, problem: str, path: str) -> Iterator[str]:
    """The path of msgspec's message, with the key of a table where it says ``[...]``."""
    parent: list[Any] = []
    for step in re.findall(r"\.\w+|\[\d+\]|\[\.\.\.\]", path.rpartition("$")[2]):
        name: Any = step[1:]
        if step == "[...]":
            name = _culprit(data, kind, problem, parent)
        elif step.startswith("["):
            name = int(step[1:-1])
        parent.append(name)
        yield f"[{name}]" if isinstance(name, int) else f".{name}"
    if path.startswith("key`"):
        yield f".{_culprit(data, kind, problem, parent)}"


def _culprit(data: Any, kind: type, problem: str, parent: list[Any]) -> str:
    """The key of the table at ``parent`` that alone brings the problem about."""
    table = data
    for name in parent:
        table = table[name]
    return next(
        (key for key, value in table.items() if _problem(_with(data, parent, {key: value}), kind) == problem), "?"
    )


def _problem(data: Any, kind: type) -> str:
    try:
        msgspec.convert(data, kind, dec_hook=_decode_value)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _with(data: Any, path: list[Any], value: Any) -> Any:
    """The data with ``value`` at ``path``; nothing is changed in place."""
    if not path:
        return value
    changed = _with(data[path[0]], path[1:], value)
    if isinstance(data, Mapping):
        return {**data, path[0]: changed}
    return [changed if index == path[0] else item for index, item in enumerate(data)]
