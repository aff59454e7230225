"""The local image store: what an image by digest stands for, and that it is what was released (I3)."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from coinquery.errors import LocalAwsBroken
from coinquery.local import images
from tests import coin_stacks
from tests.worlds import World

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    coin_stacks.release(folder)
    return folder


@pytest.fixture
def commit(repository: Path) -> str:
    return _git(repository, "rev-parse", "HEAD")


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_i3_the_digest_in_ecr_is_that_of_the_manifest_and_the_tag_is_the_commit(
    world: World, repository: Path, commit: str
) -> None:
    uri = images.build_service(world.state, REGION, repository, commit)
    (image,) = world.aws.ecr(REGION).batch_get_image(
        repositoryName="coinquery/service", imageIds=[{"imageTag": commit}]
    )["images"]
    digest = "sha256:" + hashlib.sha256(image["imageManifest"].encode()).hexdigest()
    assert image["imageId"]["imageDigest"] == digest
    assert uri.endswith(f"/coinquery/service@{digest}")


def test_i3_the_same_commit_gives_the_same_digest_in_every_region(
    world: World, repository: Path, commit: str, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    _git(repository, "clone", "--quiet", str(repository), str(clone))
    first = images.build_service(world.state, REGION, repository, commit)
    again = images.build_service(world.state, REGION, clone, commit)
    elsewhere = images.build_service(world.state, "us-east-1", clone, commit)
    assert first == again
    assert first.rpartition("@")[2] == elsewhere.rpartition("@")[2]


def test_i3_what_the_working_tree_holds_is_not_in_the_image(world: World, repository: Path, commit: str) -> None:
    before = images.build_service(world.state, REGION, repository, commit)
    source = repository / "src/coinquery/service/app.py"
    original = source.read_text("utf-8")
    source.write_text("raise SystemExit('not released')\n", "utf-8")
    try:
        assert images.build_service(world.state, REGION, repository, commit) == before
    finally:
        source.write_text(original, "utf-8")
    folder = Path(images.load(world.state, before).environment["PYTHONPATH"])
    assert (folder / "coinquery/service/app.py").read_text("utf-8") == original


def test_i3_the_image_runs_the_commit_that_is_baked_into_it(world: World, repository: Path, commit: str) -> None:
    image = images.load(world.state, images.build_service(world.state, REGION, repository, commit))
    baked = Path(image.environment["PYTHONPATH"]) / "coinquery/service/build.txt"
    assert baked.read_text("utf-8").splitlines()[0] == commit
    shown = subprocess.run(
        [*image.entrypoint, "--help"], env=dict(image.environment), check=True, capture_output=True, text=True
    )
    assert "--tolerance" in shown.stdout


def test_another_commit_is_another_image(world: World, repository: Path, commit: str) -> None:
    _git(repository, "commit", "--quiet", "--allow-empty", "--message", "another")
    other = _git(repository, "rev-parse", "HEAD")
    built = {images.build_service(world.state, REGION, repository, each) for each in (commit, other)}
    assert len(built) == 2


def test_a_commit_that_is_not_in_the_repository_is_a_clear_error(world: World, repository: Path) -> None:
    with pytest.raises(LocalAwsBroken, match="git cannot archive " + "0" * 40):
        images.build_service(world.state, REGION, repository, "0" * 40)


def test_the_tools_are_images_by_digest_and_registering_them_again_changes_nothing(world: World) -> None:
    uris = images.register_tools(world.state, REGION)
    assert uris.keys() >= {"anvil", "follower"}
    assert images.register_tools(world.state, REGION) == uris
    for name, uri in uris.items():
        program = Path(images.load(world.state, uri).entrypoint[-1])
        assert program.is_file()
        assert uri.partition("@")[0].endswith(f"/local/{name}")
        folder = world.state.root / "images" / uri.rpartition(":")[2]
        assert json.loads((folder / "image.json").read_text("utf-8"))["entrypoint"]


def test_an_image_that_was_never_built_is_a_clear_error(world: World) -> None:
    with pytest.raises(LocalAwsBroken, match="the local image store has no"):
        images.load(world.state, "registry.example.com/x@sha256:" + "0" * 64)
