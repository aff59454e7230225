"""Build the Lambda function's package: our modules and pinned wheels, without Docker, byte for byte the same each time.

The wheels are those of ``requirements.txt`` beside this file, each checked against its hash, for the Python and the
processor that the function runs on. boto3 is not among them: Lambda's runtime has it. ``uv`` fetches them, or pip where
there is no uv. What was built before from the same content is taken from the cache.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from coinquery.errors import PackageNotBuilt, ToolMissing
from coinquery.machine import cache_folder
from coinquery.machine import uv as find_uv

#: What of ``coinquery`` the function needs: modules and whole subpackages.
MODULES = (
    "__init__.py", "aws.py", "clock.py", "decode.py", "denial.py", "durations.py", "errors.py", "log_group.py",
    "naming.py", "reasons.py", "regions.py", "secret.py", "stored.py",
)  # fmt: skip
SUBPACKAGES = ("coins", "dns", "monitor", "nodes", "notify", "stacks")

#: Lambda's architectures as wheels name them. glibc 2.17 is below that of every Lambda runtime for Python.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

_OWN_KINDS = {".py", ".toml", ".json"}  # templates are for those who make stacks
_WHEEL_KINDS = {".py", ".so"}
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A built package: where it lies, its SHA-256 in hex, its size in bytes."""

    path: Path
    digest: str
    size: int


def build(runtime: str, architecture: str, cache: Path | None = None) -> Package:
    """The package for a Lambda runtime (``python3.13``) and architecture (``arm64`` or ``x86_64``), built or cached.

    Raises ToolMissing where there is neither uv nor pip, PackageNotBuilt if the wheels can't be had.
    """
    own = _own_files()
    folder = cache or cache_folder()
    path = folder / f"monitor-{_content_key(own, runtime, architecture)}.zip"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            wheels = Path(scratch, "wheels")
            _fetch(wheels, runtime.removeprefix("python"), architecture)
            built = Path(scratch, "package.zip")
            _zip(built, {**own, **_wheel_files(wheels)})
            built.replace(path)
    content = path.read_bytes()
    return Package(path, hashlib.sha256(content).hexdigest(), len(content))


def _own_files() -> dict[str, bytes]:
    root = Path(str(resources.files("coinquery")))
    paths = [root / name for name in MODULES]
    for subpackage in SUBPACKAGES:
        paths += [path for path in (root / subpackage).rglob("*") if path.suffix in _OWN_KINDS]
    return {f"coinquery/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}


def _wheel_files(folder: Path) -> dict[str, bytes]:
    """What is run, and the licenses that must go with it; no scripts, type stubs or lists of an installer."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _kept(folder)}


def _kept(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        top = path.relative_to(folder).parts[0]
        kept = "licenses" in path.parts if top.endswith(".dist-info") else path.suffix in _WHEEL_KINDS
        if kept and top != "bin" and path.is_file():
            yield path


def _zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the next line means something
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])


def _content_key(own: dict[str, bytes], runtime: str, architecture: str) -> str:
    key = hashlib.sha256(f"{runtime} {architecture}\n{_requirements().read_text('utf-8')}".encode())
    for name in sorted(own):
        key.update(name.encode() + hashlib.sha256(own[name]).digest())
    return f"{runtime}-{architecture}-{key.hexdigest()[:32]}"


def _fetch(target: Path, version: str, architecture: str) -> None:
    common = ["--quiet", "--target", str(target), "--python-version", version, "--require-hashes", "--no-deps"]
    command = [*_installer(MACHINES[architecture]), *common, "-r", str(_requirements())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageNotBuilt(
            f"the monitor's wheels for Python {version} on {architecture} could not be fetched: {done.stderr.strip()}",
            "Check the network and the package index, then run the same command again.",
        )


def _installer(machine: str) -> list[str]:
    """The beginning of the command that installs wheels of another Python and machine into a folder."""
    uv = find_uv()
    if uv is not None:
        return [uv, "pip", "install", "--only-binary", ":all:", "--python-platform", f"{machine}-manylinux2014"]
    if find_spec("pip") is None:
        raise ToolMissing("neither uv nor pip is here to fetch the monitor's wheels", "Install uv or pip.")
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    return [*pip, "--only-binary=:all:", "--implementation", "cp", "--platform", f"manylinux2014_{machine}"]


def _requirements() -> Path:
    return Path(__file__).with_name("requirements.txt")


def main() -> None:
    """Build the package into a file, and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m coinquery.monitor.package", description=main.__doc__)
    parser.add_argument("--runtime", default="python3.13")
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    package = build(arguments.runtime, arguments.architecture)
    shutil.copyfile(package.path, arguments.output)
    sys.stdout.write(f"{arguments.output}: {package.size} bytes, sha256 {package.digest}\n")


if __name__ == "__main__":
    main()
