"""The service's image: what goes into it. Docker itself is not here; a stand-in keeps what the script hands to it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIGEST = "sha256:" + "5" * 64
REPOSITORY = "registry.example.com/coinquery/service"

#: Answers as docker does: no such image until it is pushed, then its digest. Everything it is told goes to a file.
DOCKER = """#!/bin/sh
echo "$*" >> "$TOLD/log"
case "$1" in
    buildx) [ -e "$TOLD/pushed" ] && echo {digest} ;;
    build) cat > "$TOLD/context.tar" ;;
    push) touch "$TOLD/pushed" ;;
esac
"""


def test_every_stage_starts_from_an_image_by_digest() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (default,) = re.findall(r"^ARG PYTHON=(.+)$", text, re.MULTILINE)
    assert re.fullmatch(r"python@sha256:[0-9a-f]{64}", default)
    assert {stage.split()[0] for stage in re.findall(r"^FROM (.+)$", text, re.MULTILINE)} == {"${PYTHON}"}


def test_the_service_needs_no_package_that_is_not_in_its_image() -> None:
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/service.txt").read_text(), re.MULTILINE)
    code = "import sys, coinquery.service.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    distributions = packages_distributions()
    needed = {name for module in said.stdout.split() for name in distributions.get(module, [])}
    # setuptools is loaded by itself where a virtual environment has it
    assert {name.lower().replace("_", "-") for name in needed} - {"coinquery", "setuptools"} <= set(pinned)


def test_i3_the_image_is_made_of_the_commit_alone_and_knows_it(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    commit = git(clone, "rev-parse", "HEAD")
    (clone / "src/coinquery/service/build.txt").write_text("0" * 40 + "\n2026-01-01T00:00:00Z\n")
    (clone / "src/coinquery/planted.py").write_text("")

    said = build(tmp_path, clone, "HEAD")
    assert said.stdout == f"{REPOSITORY}@{DIGEST}\n"
    log = (tmp_path / "log").read_text().splitlines()
    assert log[1].endswith(f"--tag {REPOSITORY}:{commit} -")
    assert log[2] == f"push --quiet {REPOSITORY}:{commit}"
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "context.tar").read_bytes())) as context:
        built = context.extractfile("src/coinquery/service/build.txt")
        assert built is not None
        assert built.read().decode().splitlines()[0] == commit
        assert "src/coinquery/planted.py" not in context.getnames()


def test_i3_an_image_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    (tmp_path / "pushed").touch()
    assert build(tmp_path, ROOT, "HEAD").stdout == f"{REPOSITORY}@{DIGEST}\n"
    assert not (tmp_path / "context.tar").exists()


def test_what_is_no_commit_is_not_built(tmp_path: Path) -> None:
    for wrong in ("--upload-pack=x", "no-such-tag", ""):
        assert build(tmp_path, ROOT, wrong).returncode != 0
    assert not (tmp_path / "log").exists()


def build(folder: Path, repository: Path, commit: str) -> subprocess.CompletedProcess[str]:
    """Run the script with the stand-in first on PATH."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    docker = programs / "docker"
    docker.write_text(DOCKER.format(digest=DIGEST))
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "TOLD": str(folder)}
    return subprocess.run(
        [str(ROOT / "scripts/build-image"), commit, REPOSITORY],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
    )


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
