"""Turn plain data into checked structs, with errors a person can act on."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from coinquery.durations import Duration
from coinquery.errors import BadConfiguration

T = TypeVar("T")


def decode(data: Any, kind: type[T], where: str) -> T:
    """Check ``data`` against ``kind``; ``where`` names its place for the message.

    Raises BadConfiguration with the field and what is wrong with it.
    """
    try:
        return msgspec.convert(data, kind, dec_hook=_decode_value)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        field = where + path.rstrip("`") if path else where
        raise BadConfiguration(
            f"{field}: {text}", "Correct it there; docs/configuration.md lists every field."
        ) from error


def _decode_value(kind: type, value: Any) -> Any:
    if kind is Duration:
        if not isinstance(value, str):
            raise ValueError(f"Expected a duration such as '10m', got {value!r}")
        return Duration.parse(value)
    raise NotImplementedError(kind)
