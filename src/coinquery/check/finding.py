"""What a check found: a tree of names, each with what was seen and how to mend what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: What could not be looked at is unknown, and unknown is never ok (I13).
State = Literal["ok", "missing", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check. ``mend`` is ``""`` where nothing is to be done; ``concerned`` names what is not as it must be."""

    title: str
    state: State
    saw: str = ""
    mend: str = ""
    concerned: tuple[str, ...] = ()
    parts: tuple[Finding, ...] = ()


def leaves(finding: Finding) -> list[Finding]:
    """The checks themselves, without the names that group them."""
    return [leaf for part in finding.parts for leaf in leaves(part)] if finding.parts else [finding]


def found(title: str, saw: str) -> Finding:
    """What is checked is as it must be."""
    return Finding(title=title, state="ok", saw=saw)


def missing(title: str, saw: str, mend: str, concerned: Iterable[str] = ()) -> Finding:
    """What is checked is not as it must be."""
    return Finding(title=title, state="missing", saw=saw, mend=mend, concerned=tuple(concerned))


def unknown(title: str, saw: str, mend: str) -> Finding:
    """What is checked could not be seen."""
    return Finding(title=title, state="unknown", saw=saw, mend=mend)


def group(title: str, parts: Iterable[Finding]) -> Finding:
    """Several checks under one name: ok if all are, missing if anything is known to be."""
    parts = tuple(parts)
    states = {part.state for part in parts}
    state: State = "missing" if "missing" in states else "unknown" if "unknown" in states else "ok"
    return Finding(title=title, state=state, parts=parts)


def look(title: str, check: Callable[[], str | Finding]) -> Finding:
    """Carry out a check that gives what it saw, or raises what is wrong; what AWS would not show is unknown."""
    from botocore.exceptions import BotoCoreError, ClientError

    from coinquery.aws import explain
    from coinquery.errors import AwsUnreachable, CoinQueryError, NotPermitted

    try:
        saw = check()
    except (CoinQueryError, ClientError, BotoCoreError) as error:
        known = error if isinstance(error, CoinQueryError) else explain(error)
        if known is None:
            raise
        if isinstance(known, AwsUnreachable | NotPermitted):
            return unknown(title, known.what, known.remedy)
        return missing(title, known.what, known.remedy)
    return found(title, saw) if isinstance(saw, str) else saw
