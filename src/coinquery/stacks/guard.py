"""The guard: three managed policies that deny everyone but the roles of ``cq`` what ends production by accident."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from coinquery.errors import BadConfiguration
from coinquery.stacks import template

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The IAM path of every role and policy of ours; nobody else may put a role below it (guard.yaml).
PATH = "/coinquery/"
#: The names of the policies that guard.yaml makes.
POLICIES = ("coinquery-guard", "coinquery-guard-parts", "coinquery-guard-names")
#: IAM takes no longer policy, in characters without white space (IAM User Guide, "IAM and AWS STS quotas").
LONGEST = 6144


def arns(partition: str, account: str) -> tuple[str, ...]:
    """The ARNs of the policies in an account."""
    return tuple(f"arn:{partition}:iam::{account}:policy{PATH}{name}" for name in POLICIES)


def statements(parameters: Mapping[str, str]) -> list[Any]:
    """What all policies say, as CloudFormation makes them of guard.yaml and these parameters."""
    return [statement for document in _documents(parameters).values() for statement in document["Statement"]]


def check_length(parameters: Mapping[str, str]) -> None:
    """Raise BadConfiguration where a policy would be longer than IAM takes."""
    for name, document in _documents(parameters).items():
        length = len(re.sub(r"\s", "", json.dumps(document)))
        if length > LONGEST:
            raise BadConfiguration(
                f"the policy {name} would have {length} characters, more than {LONGEST}",
                "IAM takes no more. Use shorter names, fewer coins in this account, or fewer [roles] administrators.",
            )


def _documents(parameters: Mapping[str, str]) -> dict[str, Any]:
    """The policies' texts by their names."""
    whole = _read(template.text(template.GUARD))
    values = {
        name: _value(entry["Type"], parameters.get(name, entry.get("Default", "")))
        for name, entry in whole["Parameters"].items()
    }
    policies = [each["Properties"] for each in whole["Resources"].values()]
    return {each["ManagedPolicyName"]: _resolved(each["PolicyDocument"], values) for each in policies}


@dataclass(frozen=True)
class _Reference:
    """``!Ref`` with a parameter's name, or ``!Sub`` with a text that has names in it."""

    text: str


@cache
def _read(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML with the two functions that guard.yaml uses."""

    def reference(loader: yaml.SafeLoader, node: Any) -> _Reference:
        text = str(loader.construct_scalar(node))
        return _Reference(text if node.tag == "!Sub" else f"${{{text}}}")

    for tag in ("!Ref", "!Sub"):
        Loader.add_constructor(tag, reference)
    return yaml.load(text, Loader)  # noqa: S506 - a safe loader, and our own template


def _value(kind: str, given: str) -> str | list[str]:
    return [each.strip() for each in given.split(",")] if kind == "CommaDelimitedList" else given


def _resolved(value: Any, values: Mapping[str, str | list[str]]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, values) for each in value]
    if isinstance(value, dict):
        return {key: _resolved(each, values) for key, each in value.items()}
    if not isinstance(value, _Reference):
        return value
    if whole := re.fullmatch(r"\$\{(\w+)\}", value.text):
        return values[whole[1]]
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), value.text)
