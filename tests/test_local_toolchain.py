"""Programs are fetched once, checked, and put in place whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import re
import tarfile
import threading
from pathlib import Path

import pytest

from coinquery.errors import ToolMissing
from coinquery.local import toolchain

ANVIL = b"#!/bin/sh\necho anvil\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "coinquery"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An npm whose ``pack`` brings a package made here; gives the package's checksum."""
    package = tmp_path / "package/bin/anvil"
    package.parent.mkdir(parents=True)
    package.write_bytes(ANVIL)
    with tarfile.open(tmp_path / "anvil.tgz", "w:gz") as archive:
        archive.add(package, "package/bin/anvil")
    program = tmp_path / "npm"
    program.write_text(f'#!/bin/sh\ncp {tmp_path}/anvil.tgz "$4"/\n')
    program.chmod(0o755)
    monkeypatch.setattr(toolchain, "_beside_python", lambda *_: program)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("sys.platform", "linux")
    return base64.b64encode(hashlib.sha512((tmp_path / "anvil.tgz").read_bytes()).digest()).decode()


def test_anvil_is_fetched_once_and_can_be_run(cache: Path, npm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(toolchain.ANVIL_PACKAGES, "linux-amd64", npm)
    fetched = toolchain.anvil()
    assert (fetched.read_bytes(), fetched.stat().st_mode & 0o111) == (ANVIL, 0o111)
    assert [f.name for f in fetched.parent.iterdir()] == ["anvil"]
    monkeypatch.setattr(toolchain, "_fetch_anvil", lambda _: pytest.fail("fetched twice"))
    assert toolchain.anvil() == fetched


def test_a_package_with_another_checksum_is_refused_and_not_kept(cache: Path, npm: str) -> None:
    with pytest.raises(ToolMissing, match="is not the package that is pinned"):
        toolchain.anvil()
    assert list(cache.iterdir()) == []


def test_a_platform_without_a_pinned_package_is_said(cache: Path, npm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ToolMissing, match=r"no anvil .* is pinned for linux-riscv64"):
        toolchain.anvil()


def test_anvil_on_path_is_taken_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "bin" / "anvil"
    own.parent.mkdir()
    own.write_bytes(ANVIL)
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(own.parent))
    assert toolchain.anvil() == own
    assert not cache.exists()


def test_of_many_who_make_the_same_one_wins_and_all_get_it(cache: Path) -> None:
    together, got = threading.Barrier(6), []

    def make(folder: Path) -> None:
        (folder / "a").write_text("whole")
        together.wait(10)

    def keep() -> None:
        got.append(toolchain._kept("tool", make))

    threads = [threading.Thread(target=keep) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [cache / "tool"] * 6
    assert [entry.name for entry in cache.iterdir()] == ["tool"]
    assert (cache / "tool" / "a").read_text() == "whole"


def test_what_could_not_be_made_leaves_nothing(cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("made")
        raise ToolMissing("no network", "Go on line.")

    with pytest.raises(ToolMissing, match="no network"):
        toolchain._kept("tool", fail)
    assert list(cache.iterdir()) == []


def test_every_requirement_of_ministack_is_pinned_with_hashes() -> None:
    requirements = re.split(r"\n(?=[a-z])", toolchain.REQUIREMENTS.read_text())
    entries = [entry for entry in requirements if not entry.startswith("#")]
    assert any(entry.startswith("ministack==1.5.33 ") for entry in entries)
    assert all(re.match(r"[a-z0-9.-]+==\S+ .*\n.*--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
