"""The local image store: what an image's digest stands for where there is no Docker.

An image is a folder of the world, ``images/<digest>``, that says how to start it; its manifest is registered in the
local ECR, and its digest is the sha256 of that manifest, as everywhere. The manifest's configuration and layer name
what it was made from, so that the same content has the same digest.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from coinquery.aws import Aws
from coinquery.errors import LocalAwsBroken
from coinquery.local import toolchain
from coinquery.local.state import State

SERVICE_REPOSITORY = "coinquery/service"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE, _LAYER_TYPE = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Image:
    """How a container of an image starts on this machine."""

    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]


def load(state: State, uri: str) -> Image:
    """The image of a URI by digest (``…@sha256:…``). Raises LocalAwsBroken if the store doesn't hold it."""
    try:
        stored = json.loads((_folder(state, uri.rpartition(":")[2]) / "image.json").read_text())
    except OSError:
        raise LocalAwsBroken(f"the local image store has no {uri}", "Build it, or cq local down, and up.") from None
    return Image(tuple(stored["entrypoint"]), stored["environment"])


def register_tools(state: State, region: str) -> dict[str, str]:
    """Register the local nodes as images in a region's ECR: ``anvil``, ``follower``, ``litecoind`` if installed.

    Returns their URIs by digest.
    """
    from coinquery.local import follower

    source = Path(follower.__file__)
    programs = {"anvil": toolchain.anvil(), "litecoind": toolchain.litecoind()}
    uris = {
        name: _register(state, region, f"local/{name}", "local", path, Image((str(path),), {}))
        for name, path in programs.items()
        if path is not None
    }
    python = Image((sys.executable, "-P", str(source)), {})
    return {**uris, "follower": _register(state, region, "local/follower", "local", source, python)}


def build_service(state: State, region: str, repository: Path, commit: str) -> str:
    """Build the service's image from a commit of a git repository, register it with the commit as its tag.

    ``git archive`` bakes the commit in, so what runs is what was released; the same commit gives the same digest.
    Returns the URI by digest. Raises LocalAwsBroken where git has no such commit.
    """
    with tempfile.TemporaryDirectory(dir=state.folder("tmp")) as folder:
        archive = Path(folder) / "source.tar"
        with archive.open("wb") as file:
            _archive(repository, commit, file)
        content = _sha256(archive)
        source = state.folder("images") / f"source-{content}"
        if not source.exists():
            _unpack(archive, source)
        image = Image((sys.executable, "-P", "-m", "coinquery.service"), {"PYTHONPATH": str(source / "src")})
        return _register(state, region, SERVICE_REPOSITORY, commit, archive, image)


def _archive(repository: Path, commit: str, file: IO[bytes]) -> None:
    command = ["git", "-C", str(repository), "archive", "--format=tar", commit]
    ended = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise LocalAwsBroken(
            f"git cannot archive {commit} of {repository}: {ended.stderr.strip()}", "Fetch the commit, then try again."
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack aside and put in place in one move."""
    aside = archive.with_name("source")
    with tarfile.open(archive) as tar:
        tar.extractall(aside, filter="data")
    try:
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _register(state: State, region: str, repository: str, tag: str, content: Path, image: Image) -> str:
    """Store an image and put its manifest into ECR; return its URI by digest."""
    manifest = json.dumps(_manifest(content), sort_keys=True)
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    folder = _folder(state, digest)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.json").write_text(json.dumps(asdict(image)))
    client = Aws().ecr(region)
    address = _repository(client, repository)
    tagged = client.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
    if f"sha256:{digest}" not in {each["imageId"]["imageDigest"] for each in tagged}:
        client.put_image(
            repositoryName=repository, imageManifest=manifest, imageManifestMediaType=MANIFEST_TYPE, imageTag=tag
        )
    return f"{address}@sha256:{digest}"


def _repository(client: Any, name: str) -> str:
    """The repository's address; it is made if it isn't there."""
    try:
        return str(client.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryUri"])
    except client.exceptions.RepositoryNotFoundException:
        return str(client.create_repository(repositoryName=name)["repository"]["repositoryUri"])


def _manifest(content: Path) -> Mapping[str, Any]:
    """An OCI image manifest (image-spec, ``manifest.md``) of one layer."""
    layer = {"mediaType": _LAYER_TYPE, "digest": f"sha256:{_sha256(content)}", "size": content.stat().st_size}
    config = json.dumps({"os": sys.platform, "layer": layer["digest"]}, sort_keys=True).encode()
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": _CONFIG_TYPE,
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
            "size": len(config),
        },
        "layers": [layer],
    }


def _folder(state: State, digest: str) -> Path:
    return state.root / "images" / digest


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
