"""Finding releases in real repositories (I3): what is a release is found, everything else is refused with a reason."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.coins import Catalogue
from coinquery.errors import BadTag, GitFailed, NoRemote, NotARelease, WrongUse
from coinquery.releases.create import create
from coinquery.releases.git import Git
from coinquery.releases.links import links, without_credentials
from coinquery.releases.release import Release, check_tag, find, releases, resolve
from tests.repositories import World, git, make_world

CATALOGUE = Catalogue.load()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def make(world: World, tag: str = "v1.0.0", coin: str = "eth") -> Release:
    return create(world.git, coin, tag, CATALOGUE, "origin", "master")


def look(folder: Path, tag: str = "v1.0.0") -> Release:
    return find(Git(folder), tag, "origin", "master")


def test_i3_a_release_is_found_from_any_clone_without_its_tag(world: World, tmp_path: Path) -> None:
    made = make(world)
    colleague = world.another_clone(tmp_path / "colleague", "--no-tags")
    found = look(colleague)
    assert found == made
    assert (found.tag, found.coin, found.author) == ("v1.0.0", "eth", "Ada Release")
    assert found.commit == git(world.clone, "rev-parse", "master")
    assert re.fullmatch("[0-9a-f]{40}", found.commit)
    assert git(colleague, "tag", "--list") == ""


def test_i3_an_older_commit_of_the_branch_is_a_release(world: World) -> None:
    made = make(world)
    world.commit("Later")
    world.push("master")
    assert look(world.clone).commit == made.commit


def test_i3_a_missing_tag_is_refused(world: World) -> None:
    with pytest.raises(NotARelease, match="no tag v9 on"):
        look(world.clone, "v9")


def test_i3_a_tag_that_was_never_pushed_is_refused(world: World) -> None:
    git(world.clone, "tag", "--annotate", "-m", "mine", "v1.0.0")
    with pytest.raises(NotARelease, match=r"no tag v1\.0\.0 on"):
        look(world.clone)


def test_i3_a_lightweight_tag_is_refused(world: World) -> None:
    git(world.clone, "tag", "v1.0.0")
    world.push("v1.0.0")
    with pytest.raises(NotARelease, match="lightweight"):
        look(world.clone)


def test_i3_a_tag_on_another_branch_is_refused(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "feature")
    commit = world.commit("Not reviewed")
    git(world.clone, "tag", "--annotate", "-m", "sneaky", "v1.0.0")
    world.push("feature", "v1.0.0")
    with pytest.raises(NotARelease, match=f"{commit[:12]}, which is not on master"):
        look(world.clone)


def test_i3_a_stale_tracking_branch_does_not_vouch(world: World, tmp_path: Path) -> None:
    """The commit is on master here, also on origin/master as this clone last saw it, and no longer on the remote's."""
    made = make(world)
    colleague = world.another_clone(tmp_path / "colleague")
    git(colleague, "reset", "--quiet", "--hard", "HEAD~2")
    git(colleague, "push", "--quiet", "--force", "origin", "master")
    assert git(world.clone, "rev-parse", "origin/master") == made.commit
    with pytest.raises(NotARelease, match="not on master"):
        look(world.clone)


def test_i3_a_commit_pushed_by_a_colleague_is_found_without_a_pull(world: World, tmp_path: Path) -> None:
    colleague = World(world.remote, world.another_clone(tmp_path / "colleague"))
    commit = colleague.commit("New on the remote")
    colleague.push("master")
    made = make(colleague)
    assert look(world.clone) == made
    assert made.commit == commit
    assert git(world.clone, "rev-parse", "origin/master") != commit, "no branch of ours was moved"


def test_i3_a_tag_moved_on_the_remote_is_refused(world: World, tmp_path: Path) -> None:
    make(world)
    colleague = world.another_clone(tmp_path / "colleague")
    git(colleague, "tag", "--annotate", "--force", "-m", "moved", "v1.0.0", "HEAD~1")
    git(colleague, "push", "--quiet", "--force", "origin", "v1.0.0")
    with pytest.raises(NotARelease, match="was moved"):
        look(world.clone)


def test_i3_a_tag_object_under_another_name_is_refused(world: World) -> None:
    make(world)
    git(world.clone, "push", "--quiet", "origin", "v1.0.0:refs/tags/v2.0.0")
    with pytest.raises(NotARelease, match="not a commit's tag of that name"):
        look(world.clone, "v2.0.0")


def test_i3_a_tag_of_a_tag_is_refused(world: World) -> None:
    make(world)
    git(world.clone, "tag", "--annotate", "-m", "nested", "v2.0.0", "v1.0.0")
    world.push("v2.0.0")
    with pytest.raises(NotARelease, match="not a commit's tag"):
        look(world.clone, "v2.0.0")


def test_i3_a_tag_of_a_tree_is_refused(world: World) -> None:
    git(world.clone, "tag", "--annotate", "-m", "tree", "v1.0.0", "HEAD^{tree}")
    world.push("v1.0.0")
    with pytest.raises(NotARelease):
        look(world.clone)


def test_i3_a_branch_of_the_tags_name_does_not_stand_in(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "v1.0.0")
    world.push("v1.0.0")
    with pytest.raises(NotARelease, match="no tag"):
        look(world.clone)


def test_i3_a_shallow_clone_finds_old_releases(world: World, tmp_path: Path) -> None:
    made = make(world)
    for number in range(5):
        world.commit(f"Change {number}")
    world.push("master")
    shallow = world.another_clone(tmp_path / "shallow", "--depth=1")
    assert git(shallow, "rev-parse", "--is-shallow-repository") == "true"
    assert look(shallow) == made


def test_i3_a_detached_head_does_not_matter(world: World) -> None:
    made = make(world)
    git(world.clone, "checkout", "--quiet", "--detach", "HEAD~1")
    assert look(world.clone) == made


def test_a_missing_production_branch_is_said(world: World) -> None:
    make(world)
    with pytest.raises(NotARelease, match="no branch 'main'"):
        find(world.git, "v1.0.0", "origin", "main")


def test_no_remote_is_said_with_those_there_are(world: World) -> None:
    with pytest.raises(NoRemote, match=r"no remote 'upstream'; its remotes: origin"):
        find(world.git, "v1.0.0", "upstream", "master")
    git(world.clone, "remote", "remove", "origin")
    with pytest.raises(NoRemote, match="its remotes: none"):
        look(world.clone)


def test_a_remote_that_can_not_be_reached_is_said(world: World, tmp_path: Path) -> None:
    git(world.clone, "remote", "set-url", "origin", str(tmp_path / "gone.git"))
    with pytest.raises(GitFailed, match="ls-remote failed"):
        look(world.clone)


def test_a_folder_without_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="not a git repository"):
        look(tmp_path)


def test_a_missing_git_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitFailed, match="not installed"):
        look(world.clone)


def test_a_call_that_does_not_end_is_ended_with_all_its_processes(world: World, tmp_path: Path) -> None:
    """The remote's own program hangs; the call is over in bounded time and that program with it."""
    started = tmp_path / "pid"
    hang = tmp_path / "hang"
    hang.write_text(f"#!/bin/sh\necho $$ > {started}\nexec sleep 100\n")
    hang.chmod(0o755)
    git(world.clone, "config", "remote.origin.uploadpack", str(hang))
    with pytest.raises(GitFailed, match=r"did not end within 2 s"):
        find(Git(world.clone, timeout=2), "v1.0.0", "origin", "master")
    process = int(started.read_text())
    for _ in range(200):
        if _is_over(process):
            return
        time.sleep(0.01)
    pytest.fail("the remote's program still runs")


def _is_over(process: int) -> bool:
    """Whether a process is gone, or dead and not yet collected."""
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_i14_credentials_of_the_remote_are_never_shown(world: World) -> None:
    secret = "hunter2-token"
    address = f"http://ada:{secret}@127.0.0.1:9/coinquery.git?private_token={secret}"
    git(world.clone, "remote", "set-url", "origin", address)
    for attempt in (lambda: look(world.clone), lambda: releases(world.git, "origin", "master"), lambda: make(world)):
        with pytest.raises(GitFailed) as refused:
            attempt()
        assert secret not in str(refused.value) + refused.value.remedy
        assert "127.0.0.1:9" in str(refused.value)


def test_a_hooks_environment_does_not_point_at_another_repository(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(world)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert look(world.clone) == made


def test_releases_are_listed_newest_first_and_only_releases(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for day, (tag, coin) in enumerate((("v1", "eth"), ("v2", "btc"), ("v3", "eth"))):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-03-0{day + 1}T12:00:00+0200")
        world.commit(f"Work for {tag}")
        world.push("master")
        make(world, tag, coin)
    git(world.clone, "tag", "light")
    git(world.clone, "push", "--quiet", "origin", "light", "v1:refs/tags/forged")
    git(world.clone, "checkout", "--quiet", "-b", "feature")
    world.commit("Not reviewed")
    git(world.clone, "tag", "--annotate", "-m", "sneaky", "v4")
    world.push("v4")
    listed = releases(world.git, "origin", "master")
    assert [(release.tag, release.coin) for release in listed] == [("v3", "eth"), ("v2", "btc"), ("v1", "eth")]
    assert listed[0].date.isoformat() == "2026-03-03T10:00:00+00:00"


def test_stage_may_run_any_commit(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "feature")
    commit = world.commit("Not pushed")
    for revision in ("feature", "HEAD", commit, commit[:10], "feature~0"):
        assert resolve(world.git, revision, "origin") == commit


def test_stage_fetches_what_is_not_here(world: World, tmp_path: Path) -> None:
    colleague = World(world.remote, world.another_clone(tmp_path / "colleague"))
    commit = colleague.commit("Theirs")
    colleague.push("HEAD:refs/heads/theirs")
    assert resolve(world.git, commit, "origin") == commit


@pytest.mark.parametrize("revision", ["", "nothing", "--all", "-h", "a b", "HEAD:file", "HEAD^{tree}", "f" * 40])
def test_what_is_no_commit_is_refused(world: World, revision: str) -> None:
    with pytest.raises(WrongUse, match="names no commit"):
        resolve(world.git, revision, "origin")


@pytest.mark.parametrize(
    "tag",
    ["", "-d", "--delete", "-v1", "v1 ", " v1", "v1\n", "refs/tags/v1", "../v1", "v1..v2", "v1^", "v1~1", "v1:x", "+v1",
     "v1*", "@{u}", "v1.lock", "v1.", ".v1", "v1^{}", "vé", "v\uff11", "v1\0", "v" + "1" * 64],
)  # fmt: skip
def test_hostile_tags_are_refused(tag: str) -> None:
    with pytest.raises(BadTag, match="can't be the tag"):
        check_tag(tag)


@given(st.text(max_size=70) | st.from_regex(r"[-A-Za-z0-9._/~^:@{}+* ]{1,70}", fullmatch=True))
def test_a_tag_that_passes_is_a_reference_git_accepts_and_no_option(tag: str) -> None:
    try:
        check_tag(tag)
    except BadTag:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", tag)
    assert git(Path(), "check-ref-format", f"refs/tags/{tag}") == ""


@pytest.mark.parametrize(
    ("remote", "commit_page", "tag_page"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r/commit/c0ffee", "https://github.com/o/r/releases/tag/v1"),
        ("git@github.com:o/r.git", "https://github.com/o/r/commit/c0ffee", "https://github.com/o/r/releases/tag/v1"),
        ("ssh://git@github.com:22/o/r", "https://github.com/o/r/commit/c0ffee", "https://github.com/o/r/releases/tag/v1"),
        ("https://u:p@gitlab.com/g/s/r.git", "https://gitlab.com/g/s/r/-/commit/c0ffee", "https://gitlab.com/g/s/r/-/tags/v1"),
        ("git@gitlab.example.com:g/r", "https://gitlab.example.com/g/r/-/commit/c0ffee", "https://gitlab.example.com/g/r/-/tags/v1"),
        ("https://gitlab.example.com:8443/g/r", "https://gitlab.example.com:8443/g/r/-/commit/c0ffee", "https://gitlab.example.com:8443/g/r/-/tags/v1"),
    ],
)  # fmt: skip
def test_pages_of_known_hosts(remote: str, commit_page: str, tag_page: str) -> None:
    pages = links(remote)
    assert pages is not None
    assert (pages.commit("c0ffee"), pages.tag("v1")) == (commit_page, tag_page)
    assert pages.compare("v1", "v2").endswith("compare/v1...v2")


@pytest.mark.parametrize(
    "remote", ["", "/srv/git/r.git", "../r", "https://example.com/o/r", "file:///github.com/o/r", "https://[", "a:b:c",
               "https://mygithub.example/o/r", "https://github.com/"],
)  # fmt: skip
def test_other_hosts_have_no_pages(remote: str) -> None:
    assert links(remote) is None


@given(user=st.from_regex(r"[a-z0-9:@%!?#=&-]{1,30}", fullmatch=True), scheme=st.sampled_from(["https", "ssh", "http"]))
def test_i14_user_and_password_are_taken_out_of_any_text(user: str, scheme: str) -> None:
    text = f"fatal: unable to access '{scheme}://{user}@git.example.com/o/r.git/': refused"
    assert without_credentials(text) == f"fatal: unable to access '{scheme}://git.example.com/o/r.git/': refused"
