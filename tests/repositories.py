"""Real git repositories for tests: a bare remote and a clone of it, in a folder of the test's own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from coinquery.releases.git import Git


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Run git as a person would, outside the code under test."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class World:
    """A bare remote and a clone whose ``master`` is pushed."""

    remote: Path
    clone: Path

    @property
    def git(self) -> Git:
        """The clone, as the code under test sees it."""
        return Git(self.clone)

    def commit(self, subject: str) -> str:
        """Commit a change in the clone; give its id."""
        (self.clone / "file").write_text(subject)
        git(self.clone, "add", "file")
        git(self.clone, "commit", "--quiet", "--message", subject)
        return git(self.clone, "rev-parse", "HEAD")

    def push(self, *references: str) -> None:
        """Push to the remote."""
        git(self.clone, "push", "--quiet", "origin", *references)

    def another_clone(self, folder: Path, *options: str) -> Path:
        """A further clone of the remote, as of a colleague."""
        git(self.remote, "clone", "--quiet", *options, f"file://{self.remote}", str(folder))
        identify(folder)
        return folder

    def local_tags(self) -> list[str]:
        """The clone's tags."""
        return git(self.clone, "tag", "--list").split()

    def remote_references(self) -> dict[str, str]:
        """Every reference of the remote and its object."""
        lines = git(self.remote, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)


def make_world(folder: Path) -> World:
    """A remote with three commits on master, and a clean clone."""
    world = World(folder / "remote.git", folder / "clone")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=master", str(world.remote))
    git(folder, "clone", "--quiet", str(world.remote), str(world.clone))
    identify(world.clone)
    git(world.clone, "checkout", "--quiet", "-b", "master")
    for subject in ("Begin", "Add the service", "Mend the monitor"):
        world.commit(subject)
    world.push("master")
    return world


def identify(folder: Path) -> None:
    """Give a clone a person."""
    git(folder, "config", "user.name", "Ada Release")
    git(folder, "config", "user.email", "ada@example.com")
