"""Making releases in real repositories: one way to succeed, and every refusal leaves both sides as they were (I3)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from coinquery.coins import Catalogue
from coinquery.errors import BadConfiguration, BadTag, CoinQueryError, DirtyTree, GitFailed, NotARelease, TagExists
from coinquery.releases.create import MOST_CHANGES, create
from coinquery.releases.git import Git
from coinquery.releases.release import Release, find
from tests.repositories import World, git, make_world

CATALOGUE = Catalogue.load()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def make(world: World, tag: str = "v1.0.0", coin: str = "eth") -> Release:
    return create(world.git, coin, tag, CATALOGUE, "origin", "master")


def refused(world: World, danger: type[CoinQueryError], match: str, attempt: Callable[[], object]) -> None:
    """The attempt is refused, and neither side has another reference than before."""
    before = (world.local_tags(), world.remote_references())
    with pytest.raises(danger, match=match):
        attempt()
    assert (world.local_tags(), world.remote_references()) == before


def test_a_release_is_an_annotated_tag_here_and_there_and_nothing_else_moves(world: World) -> None:
    world.commit("Not pushed yet")
    git(world.clone, "checkout", "--quiet", "HEAD~1")
    before = world.remote_references()
    made = make(world)
    after = world.remote_references()
    assert after.pop("refs/tags/v1.0.0") == git(world.clone, "rev-parse", "v1.0.0")
    assert after == before
    assert git(world.clone, "cat-file", "-t", "v1.0.0") == "tag"
    assert find(world.git, "v1.0.0", "origin", "master") == made


def test_the_notes_list_the_changes_since_the_coins_last_release(world: World) -> None:
    first = make(world)
    assert first.notes.splitlines()[0] == "eth v1.0.0: first release, 3 change(s)"
    one, two = world.commit("Bound the batch"), world.commit("Coin: btc")
    world.push("master")
    make(world, "v1.0.1-btc", "btc")
    notes = make(world, "v1.1.0").notes
    assert notes.split("\n\n") == [
        "eth v1.1.0: 2 change(s) since v1.0.0",
        f"- Coin: btc ({two[:7]}, Ada Release)\n- Bound the batch ({one[:7]}, Ada Release)",
        "Coin: eth",
    ]


def test_the_notes_are_bounded(world: World) -> None:
    for number in range(MOST_CHANGES):
        git(world.clone, "commit", "--quiet", "--allow-empty", "--message", f"Change {number}")
    world.push("master")
    notes = make(world).notes
    assert f"{MOST_CHANGES + 3} change(s)" in notes
    assert notes.count("\n- ") == MOST_CHANGES + 1
    assert "- and 3 more" in notes


def test_an_unknown_coin_is_refused(world: World) -> None:
    refused(world, BadConfiguration, "unknown coin 'xyz'", lambda: make(world, coin="xyz"))


def test_a_hostile_tag_is_refused(world: World) -> None:
    refused(world, BadTag, "can't be the tag", lambda: make(world, "--delete"))


@pytest.mark.parametrize("change", ["changed", "staged", "new", "deleted"])
def test_a_dirty_tree_is_refused(world: World, change: str) -> None:
    path = world.clone / ("new file" if change == "new" else "file")
    if change == "deleted":
        path.unlink()
    else:
        path.write_text("edited")
    if change == "staged":
        git(world.clone, "add", "file")
    refused(world, DirtyTree, "1 change", lambda: make(world))


def test_an_existing_tag_is_refused_wherever_it_is(world: World, tmp_path: Path) -> None:
    make(world)
    refused(world, TagExists, "exists already on", lambda: make(world))
    git(world.clone, "tag", "--delete", "v1.0.0")
    refused(world, TagExists, "exists already on", lambda: make(world))
    git(world.clone, "tag", "--annotate", "-m", "mine", "v2.0.0")
    refused(world, TagExists, "in this repository and was never pushed", lambda: make(world, "v2.0.0"))


def test_i3_a_commit_that_is_not_on_the_remotes_branch_is_refused(world: World) -> None:
    world.commit("Not pushed")
    refused(world, NotARelease, "not on master", lambda: make(world))
    git(world.clone, "checkout", "--quiet", "-b", "feature")
    world.push("feature")
    refused(world, NotARelease, "not on master", lambda: make(world))


def test_i3_a_branch_rewritten_on_the_remote_is_seen(world: World, tmp_path: Path) -> None:
    colleague = world.another_clone(tmp_path / "colleague")
    git(colleague, "reset", "--quiet", "--hard", "HEAD~1")
    git(colleague, "push", "--quiet", "--force", "origin", "master")
    refused(world, NotARelease, "not on master", lambda: make(world))


def test_an_empty_repository_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    git(world.clone, "checkout", "--quiet", "--orphan", "empty")
    git(world.clone, "rm", "-rf", "--quiet", ".")
    refused(world, NotARelease, "no commit is checked out", lambda: make(world))


def test_a_shallow_clone_makes_a_release_with_its_notes(world: World, tmp_path: Path) -> None:
    shallow = World(world.remote, world.another_clone(tmp_path / "shallow", "--depth=1"))
    assert "3 change(s)" in make(shallow).notes


def test_a_person_without_a_name_is_told(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git(world.clone, "config", "--unset", "user.name")
    git(world.clone, "config", "--unset", "user.email")
    git(world.clone, "config", "user.useConfigOnly", "true")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("EMAIL", raising=False)
    refused(world, GitFailed, "tell me who you are", lambda: make(world))


def test_a_remote_that_refuses_the_push_leaves_nothing_here(world: World) -> None:
    _hook(world, "pre-receive", "echo 'tags are frozen' >&2; exit 1")
    refused(world, GitFailed, "tags are frozen", lambda: make(world))


def test_a_lost_push_race_is_told_and_leaves_nothing_of_ours(world: World, tmp_path: Path) -> None:
    """While our push is under way a colleague's arrives: the remote's own hook plays the colleague."""
    theirs = git(world.clone, "mktag", stdin=_tag_text(world, "v1.0.0"))
    world.push(f"{theirs}:refs/keep/theirs")
    _hook(world, "pre-receive", f"env -u GIT_QUARANTINE_PATH git update-ref refs/tags/v1.0.0 {theirs}")
    with pytest.raises(TagExists, match=r"somebody else pushed the tag v1\.0\.0"):
        make(world)
    assert world.local_tags() == []
    assert world.remote_references()["refs/tags/v1.0.0"] == theirs


def test_two_operators_at_once_make_one_release(world: World, tmp_path: Path) -> None:
    clones = [world.another_clone(tmp_path / f"operator{number}") for number in range(4)]
    for number, clone in enumerate(clones):
        git(clone, "config", "user.name", f"Operator {number}")
    outcomes: list[Release | CoinQueryError] = []
    gate = threading.Barrier(len(clones))

    def operate(clone: Path) -> None:
        gate.wait()
        try:
            outcomes.append(create(Git(clone), "eth", "v1.0.0", CATALOGUE, "origin", "master"))
        except CoinQueryError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=operate, args=(clone,)) for clone in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [outcome for outcome in outcomes if isinstance(outcome, Release)]
    lost = [outcome for outcome in outcomes if not isinstance(outcome, Release)]
    assert len(won) == 1
    assert [type(error) for error in lost] == [TagExists] * 3
    assert find(world.git, "v1.0.0", "origin", "master") == won[0]
    assert sum(git(clone, "tag", "--list") != "" for clone in clones) == 1


def test_a_push_whose_reply_is_lost_is_seen_to_have_worked(world: World) -> None:
    """The remote takes the tag, then the connection breaks before it says so."""
    wrapper = world.remote.parent / "receive"
    wrapper.write_text('#!/bin/sh\ngit-receive-pack "$@"\nexit 1\n')
    wrapper.chmod(0o755)
    git(world.clone, "config", "remote.origin.receivepack", str(wrapper))
    with pytest.raises(GitFailed):
        world.git("push", "--quiet", "origin", "master:refs/heads/proof")
    assert make(world).tag == "v1.0.0"


def _hook(world: World, name: str, script: str) -> None:
    hook = world.remote / "hooks" / name
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


def _tag_text(world: World, tag: str) -> str:
    commit = git(world.clone, "rev-parse", "master")
    return f"object {commit}\ntype commit\ntag {tag}\ntagger Bob <bob@example.com> 1767225600 +0000\n\ntheirs\n"
