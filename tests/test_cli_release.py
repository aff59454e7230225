"""``cq release`` as a person and as a program call it, in a real repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coinquery.cli import run
from coinquery.notify import Announcer, Delivery
from tests.repositories import World, git, make_world

CONFIGURATION = """
account = "123456789012"
home_region = "us-east-1"
[levels.prod]
regions = ["us-east-1"]
name = "{coin}.example.com"
public_zone = "Z0123456789ABC"
certificates = { us-east-1 = "arn:aws:acm:us-east-1:123456789012:certificate/abc" }
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = make_world(tmp_path)
    (tmp_path / "cq.toml").write_text(CONFIGURATION)
    monkeypatch.setenv("CQ_CONFIG", str(tmp_path / "cq.toml"))
    monkeypatch.chdir(world.clone)
    return world


def test_create_then_list_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "create", "eth", "v1.0.0", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["release"]["tag"] == "v1.0.0"
    assert made["release"]["commit"] == git(world.clone, "rev-parse", "master")
    assert made["slack"]["delivered"] is False
    assert made["slack"]["problem"] == "Slack is not configured: cq.toml has no [slack] webhook"
    assert run(["release", "list", "eth", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"releases": [made["release"]]}
    assert run(["release", "list", "btc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"releases": []}


def test_create_and_list_for_people(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "create", "eth", "v1.0.0"]) == 0
    shown = capsys.readouterr()
    assert "- Mend the monitor" in shown.out
    assert "Slack was not told: Slack is not configured" in shown.err
    assert shown.err.endswith("The release v1.0.0 stands. To tell Slack, mend that and run the same command again.\n")
    assert run(["release", "list"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["v1.0.0", "eth"]


def test_i11_who_was_killed_before_telling_runs_the_same_command(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def tell(_: Announcer, message: Any) -> Delivery:
        told.append(message)
        return Delivery(True, 1, "")

    monkeypatch.setattr(Announcer, "tell", tell)
    assert run(["release", "create", "eth", "v1.0.0", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["release"]
    git(world.clone, "tag", "--delete", "v1.0.0")
    assert run(["release", "create", "eth", "v1.0.0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["release"] == made
    assert git(world.clone, "tag", "--list").split() == ["v1.0.0"]
    assert ["Possible repeat" in json.dumps(message) for message in told] == [False, True]


@pytest.mark.parametrize("other", ["coin", "person", "commit"])
def test_i3_a_release_of_another_is_refused(world: World, capsys: pytest.CaptureFixture[str], other: str) -> None:
    assert run(["release", "create", "eth", "v1.0.0"]) == 0
    if other == "person":
        git(world.clone, "config", "user.name", "Somebody else")
    if other == "commit":
        world.commit("Another")
        world.push("master")
    assert run(["release", "create", "btc" if other == "coin" else "eth", "v1.0.0"]) == 3
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["create", "xyz", "v1"], 2, "unknown coin 'xyz'"),
        (["create", "eth", "a/b"], 2, "can't be the tag"),
        (["create", "eth"], 2, "Missing argument 'TAG'"),
        (["list", "xyz"], 2, "unknown coin 'xyz'"),
    ],
)
def test_wrong_use_exits_2(
    world: World, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run(["release", *arguments]) == code
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


def test_a_guard_exits_3_and_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.clone / "file").write_text("edited")
    assert run(["release", "create", "eth", "v1.0.0"]) == 3
    assert "the working tree has 1 change(s)" in capsys.readouterr().err
    assert world.local_tags() == []
