"""A repository with a remote, from which the demo makes its releases: the service that is released is this one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import coinquery

_ATTRIBUTES = "src/coinquery/service/build.txt export-subst\n"


@dataclass(frozen=True)
class Repository:
    """A clone in ``folder`` whose ``origin`` is a bare repository beside it."""

    folder: Path

    @classmethod
    def create(cls, root: Path) -> Repository:
        """Make both, with the running package's own source as the first commit on master."""
        remote, folder = root / "origin.git", root / "service"
        _git(root, "init", "--quiet", "--bare", "--initial-branch=master", str(remote))
        _git(root, "init", "--quiet", "--initial-branch=master", str(folder))
        source = Path(coinquery.__file__).parent
        shutil.copytree(source, folder / "src" / "coinquery", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".gitattributes").write_text(_ATTRIBUTES, "utf-8")
        repository = cls(folder)
        repository.git("config", "user.name", "CoinQuery demo")
        repository.git("config", "user.email", "demo@example.com")
        repository.git("remote", "add", "origin", str(remote))
        repository.commit("The service as it is")
        return repository

    def change(self, note: str) -> None:
        """Commit a change and push it."""
        with (self.folder / "CHANGES").open("a", encoding="utf-8") as file:
            file.write(note + "\n")
        self.commit(note)

    def commit(self, message: str) -> None:
        """Commit everything on master and push it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "master")

    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """What git says in the clone."""
        return _git(self.folder, *arguments)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
