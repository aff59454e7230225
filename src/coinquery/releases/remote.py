"""What the remote holds at this moment, asked of the remote itself: a tracking branch here may be days old."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coinquery.errors import NoRemote, NotARelease
from coinquery.releases.git import Git
from coinquery.releases.links import without_credentials

_PEELED = "^{}"


@dataclass(frozen=True)
class RemoteTag:
    """A tag of the remote: the object it names, and the commit, which only an annotated tag's listing tells."""

    name: str
    object_id: str
    commit: str | None

    @property
    def is_annotated(self) -> bool:
        """Whether the tag is an object of its own, with author, date and message."""
        return self.commit is not None


@dataclass(frozen=True)
class Snapshot:
    """The remote's branch and tags, as it listed them in one answer."""

    branch: str
    tags: dict[str, RemoteTag]


class Remote:
    """A named remote of a repository; raises NoRemote when the repository has none of that name."""

    def __init__(self, git: Git, name: str) -> None:
        known = git("remote").split()
        if name not in known:
            raise NoRemote(
                f"{git.folder} has no remote {name!r}; its remotes: {', '.join(known) or 'none'}",
                "Add it with `git remote add`, or set `remote` in cq.toml.",
            )
        self.name = name
        self._git = git

    @property
    def address(self) -> str:
        """Where the remote is, without credentials."""
        return without_credentials(self._git("remote", "get-url", self.name))

    def snapshot(self, branch: str) -> Snapshot:
        """Ask the remote for its branch and its tags; raise NotARelease where it has no such branch."""
        head = f"refs/heads/{branch}"
        listed = self._listed("ls-remote", "--quiet", self.name, head, "refs/tags/*")
        if head not in listed:
            raise NotARelease(
                f"the remote {self.name} ({self.address}) has no branch {branch!r}",
                "Releases are commits of that branch: push it, or correct `production_branch` in cq.toml.",
            )
        return Snapshot(listed[head], _tags(listed))

    def tag(self, name: str) -> RemoteTag | None:
        """The remote's tag of that name, asked anew."""
        reference = f"refs/tags/{name}"
        return _tags(self._listed("ls-remote", "--quiet", self.name, reference, reference + _PEELED)).get(name)

    def bring(self, branch: str, tags: Iterable[str] = ()) -> None:
        """Bring the branch's whole history and the tags' objects here, moving no branch and no tag of ours."""
        whole = ["--unshallow"] if self._git("rev-parse", "--is-shallow-repository") == "true" else []
        wanted = "\n".join([f"refs/heads/{branch}", *(f"refs/tags/{tag}" for tag in tags)])
        self._git(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=", *whole,
            "--stdin", self.name, stdin=wanted,
        )  # fmt: skip

    def push_tag(self, name: str, object_id: str) -> None:
        """Give an object of ours a tag's name there, and push nothing else; refused if the remote has that tag."""
        self._git(
            "push", "--quiet", "--no-follow-tags", "--recurse-submodules=no", self.name,
            f"{object_id}:refs/tags/{name}",
        )  # fmt: skip

    def _listed(self, *command: str) -> dict[str, str]:
        lines = (line.split("\t", 1) for line in self._git(*command).splitlines())
        return {reference: object_id for object_id, reference in lines}


def _tags(listed: dict[str, str]) -> dict[str, RemoteTag]:
    return {
        name: RemoteTag(name, object_id, listed.get(reference + _PEELED))
        for reference, object_id in listed.items()
        if (name := reference.removeprefix("refs/tags/")) != reference and not name.endswith(_PEELED)
    }
