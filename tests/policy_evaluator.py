"""How AWS decides on a request by policies, as it documents it; for tests of policies that no local AWS evaluates.

Source: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Action, Resource, Condition operators,
Condition with multiple keys or values". What is not needed here (policy variables, numbers, dates, addresses,
principals) is refused, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

Context = Mapping[str, str | tuple[str, ...]]


class Decision(Enum):
    """What AWS answers; without any word on a request it is refused too."""

    ALLOWED = "allowed"
    DENIED = "denied by a statement"
    NOT_ALLOWED = "allowed by no statement"


@dataclass(frozen=True)
class Request:
    """One action on one resource; a call that works on several is a request for each."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def decide(policies: Iterable[Mapping[str, Any]], request: Request) -> Decision:
    """A statement that denies outweighs all that allow; what nobody allows is refused."""
    effects = {s["Effect"] for policy in policies for s in policy["Statement"] if applies(s, request)}
    if "Deny" in effects:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.NOT_ALLOWED


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement speaks of the request: its action, its resource, and all of its conditions."""
    if not _named(statement, "Action", lambda pattern: matches(pattern.lower(), request.action.lower())):
        return False
    if any("${" in text for text in _texts(statement)):
        raise NotImplementedError("policy variables")
    return _named(statement, "Resource", lambda pattern: arn_matches(pattern, request.resource)) and all(
        holds(operator, _listed(wanted), _lookup(request.context, key))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def holds(operator: str, wanted: list[str], actual: tuple[str, ...] | None) -> bool:
    """Whether a condition holds for a key's values; None is a key that the request does not carry."""
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return (actual is None) == (wanted == ["true"])
    if quantifier == "ForAnyValue":
        return any(_one(name, wanted, value) for value in actual or ())
    if quantifier == "ForAllValues":
        return all(_one(name, wanted, value) for value in actual or ())
    if actual is None:
        return name != rest or "Not" in name
    if len(actual) != 1:
        raise NotImplementedError("several values without ForAnyValue or ForAllValues")
    return _one(name, wanted, actual[0])


def _one(name: str, wanted: list[str], value: str) -> bool:
    positive = name.replace("Not", "", 1)
    if positive not in _OPERATORS:
        raise NotImplementedError(name)
    return any(_OPERATORS[positive](pattern, value) for pattern in wanted) == (positive == name)


def matches(pattern: str, text: str) -> bool:
    """``*`` is any text, also none; ``?`` is one character."""
    return _compiled(pattern).fullmatch(text) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """The six parts of an ARN are compared one by one; only in the last does ``*`` reach over colons.

    IAM User Guide, "IAM ARNs": a wildcard can't stand in the part that names the type of a resource; EC2's has ``*/*``.
    """
    if pattern == "*" or ":" not in pattern:
        return matches(pattern, arn)
    parts, others = pattern.split(":", 5), arn.split(":", 5)
    if len(parts) == 6 and parts[2] != "s3" and _TYPE_BY_WILDCARD.match(parts[5]):
        return False
    return len(parts) == len(others) and all(map(matches, parts, others))


_TYPE_BY_WILDCARD = re.compile(r"(?!\*/\*$)[^/:]*[*?][^/:]*[/:]")

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    return re.compile("".join(special.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _named(statement: Mapping[str, Any], element: str, match: Any) -> bool:
    if f"Not{element}" in statement:
        return not any(map(match, _listed(statement[f"Not{element}"])))
    return any(map(match, _listed(statement[element])))


def _lookup(context: Context, key: str) -> tuple[str, ...] | None:
    found = [value for name, value in context.items() if name.lower() == key.lower()]
    if not found:
        return None
    return (found[0],) if isinstance(found[0], str) else found[0]


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
