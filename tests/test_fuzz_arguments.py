"""Every command, with arguments and a ``cq.toml`` that nobody should have written."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinquery import config
from coinquery.cli import COMMANDS, cq
from coinquery.errors import WrongUse
from coinquery.monitor.configuration import Configuration
from tests.fuzzed_production import LOOKS, Production
from tests.fuzzing import Fuzzed, examples, fuzzed, json_values, plain, words

#: These make and unmake the world itself: their own words are not tried, only those that they don't know.
APART = ("demo", "local up", "local down", "local status", "local env")
#: Added where the command would else not end, or is meant to change something whatever its words are.
ALWAYS = {"monitor run": ["--once"]}
NEVER = {"bootstrap": {"--yes"}}


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """A world of its own, with a production that a command might change."""
    with fuzzed(tmp_path_factory.mktemp("fuzz")) as it:
        Production(it)
        yield it


def _leaves() -> dict[str, click.Command]:
    context = click.Context(cq)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = cq.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": each for inner, each in command.commands.items()}
        elif command is not None:
            found[name] = command
    return found


LEAVES = _leaves()


@st.composite
def command_lines(draw: st.DrawFn, name: str) -> list[str]:
    """A command with its own parameters, hostile values in them, and now and then something that it does not know."""
    line = name.split()
    for parameter in LEAVES[name].params:
        if isinstance(parameter, click.Argument):
            line += draw(st.lists(words, max_size=2) if draw(st.integers(0, 9)) == 0 else words.map(lambda w: [w]))
        elif name not in APART and parameter.opts[0] not in NEVER.get(name, ()) and draw(st.booleans()):
            flag = isinstance(parameter, click.Option) and parameter.is_flag
            line += [parameter.opts[-1]] if flag else [parameter.opts[-1], draw(words)]
    if name in APART or draw(st.integers(0, 9)) == 0:
        line.append("--no-such-option" if name in APART else draw(words))
    return draw(st.permutations(line[len(name.split()) :]).map(lambda rest: [*name.split(), *rest])) + ALWAYS.get(
        name, []
    )


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_command_with_hostile_arguments(fuzz: Fuzzed, name: str) -> None:
    @given(line=command_lines(name))
    @examples(12)
    def holds(line: list[str]) -> None:
        ran = fuzz.run(*line)
        if "--plan" in line:
            assert not ran.changes
        if _is_wrong_use(name, line[len(name.split()) :]):
            assert ran.code == 2, ran.err

    holds()


def _is_wrong_use(name: str, words: list[str]) -> bool:
    """Whether the command has no such words: what it then makes of them does not matter any more."""
    try:
        LEAVES[name].make_context(name, words)
    except click.UsageError:
        return True
    except click.exceptions.Exit:
        pass
    return False


@given(line=st.lists(words | st.sampled_from(sorted(COMMANDS)), max_size=4))
@examples(30)
def test_words_in_any_order(fuzz: Fuzzed, line: list[str]) -> None:
    if not {"demo", "local", "bootstrap"} & set(line):
        fuzz.run(*line)


@given(path=words)
@example(path="a" * 5000)
@examples(20)
def test_a_configuration_of_any_name(fuzz: Fuzzed, path: str) -> None:
    if path:
        assert fuzz.looks("--config", path, "ls").code in (0, 2)


def _paths(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _paths(value, (*at, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _paths(value, (*at, index))


def _changed(data: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The data with something else at a place; nothing there, where the value is ``...``."""
    if len(at) == 1:
        items = dict(enumerate(data)) if isinstance(data, list) else dict(data)
        items[at[0]] = value
        kept = {key: each for key, each in items.items() if each is not ...}
        return list(kept.values()) if isinstance(data, list) else kept
    inner = _changed(data[at[0]], at[1:], value)
    if isinstance(data, list):
        return [inner if index == at[0] else each for index, each in enumerate(data)]
    return {**data, at[0]: inner}


def _is_utf8(text: str) -> bool:
    """Whether a file could hold it: TOML is read as UTF-8 before it is anything else."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(data=st.data())
@examples(150)
def test_a_configuration_with_something_else_at_one_place(fuzz: Fuzzed, data: st.DataObject) -> None:
    """It is taken or refused as what it is, and never kills the check; what is taken fits the monitor or is refused."""
    whole = tomllib.loads(fuzz.configuration)
    place = data.draw(st.sampled_from(list(_paths(whole))))
    odd = data.draw(st.just(...) | words.filter(_is_utf8) | json_values)
    with suppress(WrongUse):
        Configuration.from_config(config.parse(_changed(whole, place, odd))).to_text()


#: Commands that only look, for a configuration that may be any.
ODD_LOOKS = (
    *LOOKS, ("deploy", "eth", "--release", "v1", "--plan"), ("history",), ("history", "--coin", "eth"), ("bootstrap",),
)  # fmt: skip


@given(data=st.data())
@examples(25)
def test_a_file_with_something_else_in_one_line(fuzz: Fuzzed, data: st.DataObject) -> None:
    """What passes the check is used to ask AWS: that, too, ends in a message."""
    lines = fuzz.configuration.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, _, value = lines[number].partition("=")
    with_value = st.builds(lambda odd: f"{key}= {odd}", plain | st.sampled_from(['""', '"a"', "0", "-1", "[]", "{}"]))
    lines[number] = data.draw(st.just("") | plain | (with_value if value else st.just("[levels]")))
    path = fuzz.folder / "odd.toml"
    path.write_text("\n".join(lines), "utf-8")
    for command in data.draw(st.lists(st.sampled_from(ODD_LOOKS), min_size=4, max_size=4, unique=True)):
        assert fuzz.looks("--config", str(path), *command).code in (0, 1, 2, 3)


@given(text=st.binary(max_size=60))
@examples(30)
def test_a_file_of_any_bytes(fuzz: Fuzzed, text: bytes) -> None:
    path = fuzz.folder / "bytes.toml"
    path.write_bytes(text)
    assert fuzz.looks("--config", str(path), "ls").code == 2


@pytest.mark.parametrize("kind", ["missing", "folder", "unreadable"])
def test_a_configuration_that_is_no_file(fuzz: Fuzzed, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "cq.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "unreadable":
        path.symlink_to(path)
    assert fuzz.looks("--config", os.fspath(path), "ls").code == 2
