"""docs/errors.md against the code, and the code against what an error must be: named, remedied, with the right code."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from botocore import exceptions as aws
from botocore import parsers

import coinquery
from coinquery.aws import explain, passes
from coinquery.errors import (
    AwsUnreachable,
    BadConfiguration,
    CoinQueryError,
    NoCredentials,
    NotFinished,
    NotPermitted,
    Refused,
    WrongUse,
)

ROOT = Path(coinquery.__file__).parent
DOCS = ROOT.parents[1] / "docs"
#: These two say which kind of danger it is and nothing else: a guard has a name.
TOO_GENERAL = ("CoinQueryError", "Refused")
SECTIONS = ("CoinQueryError", "WrongUse", "Refused", "NotFinished")
#: What may be raised besides: caught by who called (msgspec, argparse, the parser), or a step out of order.
WITHIN = {
    "config.py": {"ValueError"},
    "decode.py": {"ValueError", "NotImplementedError"},
    "durations.py": {"ValueError"},
    "stored.py": {"ValueError"},
    "dns/https.py": {"NoReply", "TimeoutError"},
    "monitor/attempts.py": {"ValueError"},
    "monitor/instance_pages.py": {"ValueError"},
    "rollout/rollout.py": {"AssertionError"},
    "service/__main__.py": {"SystemExit"},
    "service/settings.py": {"ArgumentTypeError"},
    "local/demo/client.py": {"LookupError"},
    "local/embedded_metrics.py": {"ValidationError"},
}


@dataclass(frozen=True)
class Entry:
    """One class as the catalogue has it."""

    base: str
    exit_code: int


def _modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(coinquery.__path__, "coinquery."):
        if not found.name.endswith("__main__"):
            yield found.name


def _classes(base: type[Exception] = Exception) -> dict[str, type[Exception]]:
    """Every exception class that the package defines."""
    found = {}
    for name in _modules():
        module = import_module(name)
        for each in vars(module).values():
            if inspect.isclass(each) and issubclass(each, base) and each.__module__ == name:
                found[each.__name__] = each
    return found


def _catalogue() -> dict[str, Entry]:
    """The catalogue: each section's class, and each row's."""
    entries: dict[str, Entry] = {}
    for section in re.split(r"^## ", (DOCS / "errors.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head = re.match(r"Exit code (\d): (\w+)\n", section)
        if head is None:
            continue
        exit_code, base = int(head[1]), head[2]
        entries[base] = Entry("Exception" if base == "CoinQueryError" else "CoinQueryError", exit_code)
        for row in re.finditer(r"^\| `(\w+)`(?: < `(\w+)`)? \|", section, re.MULTILINE):
            assert row[1] not in entries, f"{row[1]} is there twice"
            entries[row[1]] = Entry(row[2] or base, exit_code)
    return entries


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def _called(node: ast.AST) -> str:
    """The name of what is called, or named, such as ``ValueError`` in ``raise ValueError``."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_the_catalogue_has_every_error_with_its_code_and_base_and_no_other() -> None:
    actual = {
        name: Entry(kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in _classes(CoinQueryError).items()
        if issubclass(kind, CoinQueryError)
    }
    assert _catalogue() == actual


def test_every_row_of_the_catalogue_says_all() -> None:
    text = (DOCS / "errors.md").read_text("utf-8")
    for row in re.findall(r"^\| `\w+`.*\|$", text.partition("## What is no error")[0], re.MULTILINE):
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        assert all(cells), row


#: What stands for something that is put in, where the catalogue quotes what an error says.
_PUT_IN = re.compile(r"…|: |\b[A-Z_]{5,}\b|\bmaster\b|\b9999\b|\bwrong-chain\b|\bcq\.toml\b|\bahead of\b")
#: Errors whose text is put together elsewhere; what the catalogue has of them is looked for in all texts.
COMPOSED = {
    "decode.py": {"BadConfiguration"},
    "denial.py": {"NotPermitted"},
    "monitor/configuration.py": {"BadConfiguration"},
    "retirement/ladder.py": {"refusal"},
    "rollout/movers.py": {"RecordMoved"},
    "stacks/create.py": {"NotPermitted", "StackFailed"},
    "stored.py": {"Unreadable"},
}


def _quoted() -> dict[str, list[list[str]]]:
    """What the catalogue quotes of each error, each as the pieces between what is put in."""
    catalogue = (DOCS / "errors.md").read_text("utf-8").partition("## What is no error")[0]
    quoted = {}
    for row in re.findall(r"^\| `\w+`.*\|$", catalogue, re.MULTILINE):
        name, says, *_ = row.strip("|").split(" | ")
        texts = [_PUT_IN.split(said) for said in re.findall(r"`([^`]+)`", says)]
        quoted[re.findall(r"\w+", name)[0]] = [[p.strip(" :,") for p in pieces if p.strip(" :,")] for pieces in texts]
    return quoted


def _text(node: ast.AST) -> str:
    """A text as the source has it, what is put into it as ``…``; ``""`` for what is no text."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _says(call: ast.Call, tree: ast.Module) -> list[str]:
    """What an error may say: its first argument, or what a variable of that name is given in the same file."""
    what = call.args[0]
    if not isinstance(what, ast.Name):
        return [_text(what)]
    given = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return [_text(node.value) for node in given if any(ast.unparse(to) == what.id for to in node.targets)]


def _messages() -> Iterator[tuple[str, str, str]]:
    """Where each error is made, its class, and what it says."""
    known = set(_classes(CoinQueryError)) | {"refusal"}
    for path, tree in _trees():
        for node in ast.walk(tree):
            named = known - COMPOSED.get(path, set())
            if isinstance(node, ast.Call) and _called(node) in named and node.args:
                yield from ((f"{path}:{node.lineno}", _called(node), text) for text in _says(node, tree))


def test_what_an_error_says_is_in_its_row_of_the_catalogue() -> None:
    """Those of the sections, such as WrongUse, have no row."""
    rows, unknown = _quoted(), []
    messages = [each for each in _messages() if each[1] not in SECTIONS]
    assert len(messages) > 100
    for place, name, text in messages:
        if not any(pieces and all(piece in text for piece in pieces) for pieces in rows[name]):
            unknown.append((place, name, text))
    assert unknown == []


def test_what_the_catalogue_says_that_an_error_says_is_in_the_code() -> None:
    everything = [_text(node) for _, tree in _trees() for node in ast.walk(tree)]
    composed, own = set().union(*COMPOSED.values()), dict[str, list[str]]()
    for _, name, text in _messages():
        own.setdefault(name, []).append(text)
    for name, row in _quoted().items():
        texts = everything if name in composed or name not in own else own[name]
        for pieces in row:
            assert all(any(piece in text for text in texts) for piece in pieces), f"{name}: {pieces}"


def test_what_the_runbook_quotes_is_in_the_code() -> None:
    """Of what it quotes with a gap in it, each piece that is long enough to be known by."""
    everything = [_text(node) for _, tree in _trees() for node in ast.walk(tree)]
    quotes = re.findall(r"`([^`|\n]*…[^`|\n]*)`", (DOCS / "runbook.md").read_text("utf-8"))
    put_in = re.compile(rf"{_PUT_IN.pattern}|\bcq-eth-\d{{4}}-prod\b|\b10m\b|\b(?:live|switched) at\b")
    said = [[piece.strip(" :,") for piece in put_in.split(quote)] for quote in quotes if "/" not in quote]
    assert len(said) > 30
    for pieces in said:
        unknown = [piece for piece in pieces if len(piece) > 3 and not any(piece in text for text in everything)]
        assert unknown == [], pieces


def test_what_is_no_error_is_in_the_catalogue_as_such() -> None:
    told = set(re.findall(r"`(\w+)`", (DOCS / "errors.md").read_text("utf-8").partition("## What is no error")[2]))
    others = {name for name, kind in _classes().items() if not issubclass(kind, CoinQueryError)}
    assert told == others


def test_every_error_names_its_danger() -> None:
    for name, kind in _classes(CoinQueryError).items():
        assert kind.__module__ == "coinquery.errors", f"{name}: there is one hierarchy, in one file"
        assert (kind.__doc__ or "").strip(), name


def test_exit_codes_are_those_of_the_command_line() -> None:
    """docs/commands.md: 1 failed, 2 wrong use or bad configuration, 3 refused by a guard, 4 not finished."""
    assert {CoinQueryError: 1, WrongUse: 2, Refused: 3, NotFinished: 4}.items() == {
        kind: kind.exit_code for kind in (CoinQueryError, WrongUse, Refused, NotFinished)
    }.items()
    told = dict(re.findall(r"^\| (\d) \| (.+?)[;,|]", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE))
    assert {key: value.strip() for key, value in told.items()} == {
        "0": "done",
        "1": "failed",
        "2": "wrong use or bad configuration",
        "3": "refused by a guard",
        "4": "not finished",
    }
    for kind in _classes(CoinQueryError).values():
        assert "exit_code" not in vars(kind) or kind in (CoinQueryError, WrongUse, Refused, NotFinished)


def _made() -> Iterator[tuple[str, ast.Call]]:
    """Every place where an error is made, raised there or not."""
    known = set(_classes(CoinQueryError)) | {"refusal"}
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in known:
                yield f"{path}:{node.lineno}", node


def test_every_error_says_what_to_do() -> None:
    """``Nothing was changed.`` is worth saying, and no remedy."""
    places = list(_made())
    assert len(places) > 80
    for place, call in places:
        remedy = call.args[1] if len(call.args) > 1 else None
        assert remedy is not None, f"{place}: no remedy"
        said = ast.unparse(remedy).strip("f'\"")
        said = re.sub(r"(Nothing|No record)( more)? was changed( in this zone)?\.", "", said).strip()
        assert said, f"{place}: it does not say what to do"


def test_every_error_is_named_for_its_danger() -> None:
    general = [place for place, call in _made() if _called(call) in TOO_GENERAL]
    assert general == []


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (aws.UnauthorizedSSOTokenError(), NoCredentials, "aws sso login"),
        (aws.SSOTokenLoadError(profile_name="p", error_msg="expired"), NoCredentials, "sign in"),
        (aws.TokenRetrievalError(provider="sso", error_msg="expired"), NoCredentials, "sign in"),
        (aws.CredentialRetrievalError(provider="custom-process", error_msg="no"), NoCredentials, "sign in"),
        (aws.LoginRefreshRequired(), NoCredentials, "sign in"),
        (aws.ConfigParseError(path="~/.aws/config", error="bad"), BadConfiguration, "~/.aws/config"),
        (aws.InvalidRegionError(region_name="no region"), BadConfiguration, "region"),
        (parsers.ResponseParserError("Unable to parse response (not well-formed)"), AwsUnreachable, "proxy"),
        (aws.EndpointConnectionError(endpoint_url="https://x"), AwsUnreachable, "network"),
        (aws.ParamValidationError(report="odd"), AwsUnreachable, "run the same command again"),
    ],
)
def test_what_boto3_raises_is_told_with_what_helps(error: Exception, kind: type[Exception], says: str) -> None:
    told = explain(error)
    assert type(told) is kind
    assert says in f"{told.remedy}"


def test_i12_no_answer_passes_also_where_it_was_explained_and_a_denial_does_not() -> None:
    assert passes(AwsUnreachable("AWS does not answer", "Wait."))
    assert not passes(NotPermitted("AWS does not permit it", "Ask."))


def test_no_nameless_exception_leaves_the_core() -> None:
    """What is raised is one of ours, caught within, or made by a function, whose errors are looked at where it is."""
    within = {name for name, kind in _classes().items() if not issubclass(kind, CoinQueryError)}
    ours = within | set(_classes(CoinQueryError))
    for path, tree in _trees():
        raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None]
        for each in raised:
            name = _called(each.values[-1] if isinstance(each, ast.BoolOp) else each)
            is_class = name.lstrip("_")[:1].isupper()
            assert not is_class or name in ours | WITHIN.get(path, set()), f"{path}:{each.lineno}: raises {name}"


def test_an_error_can_not_be_made_without_a_remedy() -> None:
    with pytest.raises(TypeError):
        CoinQueryError("it failed")  # type: ignore[call-arg]
