"""One finding of a sweep, and the words that findings share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from coinquery.monitor.outlook import StackOutlook
from coinquery.monitor.verdict import SERVING

Severity = Literal["warning", "page"]
#: How many instances or problems a sentence names, and the characters of each.
_NAMED, _LENGTH = 3, 220


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep found of one subject: a stack, a public name, or the monitor of a region.

    ``bad`` None is "it can't be told in this sweep". ``seen`` says what is wrong, ``left`` how things stand, ``do``
    what to do next; each is a sentence or two. A silence of one of the stacks in ``silenced_by`` silences it.
    """

    kind: str
    subject: str
    bad: bool | None
    left: str
    seen: str = ""
    do: str = ""
    severity: Severity = "warning"
    silenced_by: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its alert is known by, from sweep to sweep: ``outage:cq-eth-0001-prod``."""
        return f"{self.kind}:{self.subject}"


def serving(stack: StackOutlook) -> str:
    """How many of its instances serve, in a sentence."""
    verb = "serves" if stack.serving == 1 else "serve"
    return f"{stack.serving} of {max(stack.expected, stack.serving)} instances {verb}."


def not_serving(stack: StackOutlook) -> str:
    """Which of its instances do not serve and why, and how many are missing, in a sentence."""
    out = [f"{i.instance} is {i.verdict}: {i.reason}" for i in stack.instances if i.verdict not in SERVING]
    missing = stack.expected - len(stack.instances)
    return some([*([f"missing: {missing} of {stack.expected} instances"] if missing > 0 else []), *out])


def some(texts: Iterable[str]) -> str:
    """The first few of the texts, each short enough to be read, as a sentence."""
    every = [text.rstrip(". ") for text in texts]
    shown = [text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…" for text in every[:_NAMED]]
    more = [f"and {len(every) - _NAMED} more"] * (len(every) > _NAMED)
    return f"{'; '.join([*shown, *more])}." if every else ""
