"""git's command line, called with argument lists, in bounded time, without ever asking a person anything."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from coinquery.errors import GitFailed
from coinquery.releases.links import without_credentials

#: Seconds that one call may take; a fetch of a whole history is the longest.
TIMEOUT = 300.0

_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LOCATION = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
}  # fmt: skip


@dataclass(frozen=True)
class Git:
    """The repository in ``folder``. Every method raises GitFailed when git fails or takes longer than ``timeout``."""

    folder: Path
    timeout: float = TIMEOUT

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What git prints, without the last line's end."""
        code, output, problem = self._run(arguments, stdin)
        if code != 0:
            raise _failure(arguments[0], problem)
        return output.rstrip("\n")

    def says_yes(self, *arguments: str) -> bool:
        """The answer of a command that exits 0 for yes and 1 for no."""
        code, _, problem = self._run(arguments, "")
        if code > 1:
            raise _failure(arguments[0], problem)
        return code == 0

    def object_id(self, revision: str) -> str | None:
        """The id of the object that a revision names here, None where it names none."""
        code, output, _ = self._run(("rev-parse", "--verify", "--quiet", revision), "")
        return output.strip() if code == 0 else None

    def commit_id(self, revision: str) -> str | None:
        """The full id (40 hex digits) of the commit that a revision names here, None where it names none."""
        found = self.object_id(revision + "^{commit}")
        return found if found and _COMMIT.fullmatch(found) else None

    def is_ancestor(self, commit: str, descendant: str) -> bool:
        """Whether ``commit`` is ``descendant`` or in its history."""
        return self.says_yes("merge-base", "--is-ancestor", commit, descendant)

    def _run(self, arguments: tuple[str, ...], stdin: str) -> tuple[int, str, str]:
        try:
            process = subprocess.Popen(
                ["git", "-C", str(self.folder), *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                encoding="utf-8", errors="replace", env=_environment(),
                start_new_session=True,  # no terminal to ask on, and one group to end when time is up
            )  # fmt: skip
        except FileNotFoundError as error:
            raise GitFailed("git is not installed", "Install git, then run the same command again.") from error
        with process:
            try:
                output, problem = process.communicate(stdin, timeout=self.timeout)
            except subprocess.TimeoutExpired as error:
                _end(process)
                raise GitFailed(
                    f"git {arguments[0]} did not end within {self.timeout:g} s",
                    "See whether the remote answers, then run the same command again.",
                ) from error
            except BaseException:
                _end(process)
                raise
        return process.returncode, output, problem


def _end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Ours, without what would point git at another repository (a hook's environment does) or let it ask."""
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCATION}
    return {**inherited, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "LANGUAGE": "C"}


def _failure(command: str, problem: str) -> GitFailed:
    said = without_credentials(" ".join(problem.split())) or "it gave no reason"
    return GitFailed(f"git {command} failed: {said[:500]}", "Mend what git says, then run the same command again.")
