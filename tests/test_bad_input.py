"""Bad input on the command line: one clear message, the right exit code, nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coinquery.local import images
from coinquery.naming import StackName
from coinquery.stacks.ledger import Entry
from tests.teams import REGION, Team

DEPLOY = ("deploy", "eth", "--release", "v1.0.0", "--region", REGION, "--yes")
_CHANGES = ("Create", "Put", "Update", "Delete", "Change", "Modify", "Set", "Register", "Run", "Terminate")


def _changing_calls(team: Team) -> int:
    log = team.world.state.calls
    operations = [json.loads(line)["operation"] for line in log.read_text("utf-8").splitlines()]
    own = [o for o in operations if o.startswith(_CHANGES) and not o.startswith(("PutLogEvents", "CreateLogStream"))]
    return len(own)


def _refused(team: Team, code: int, *arguments: str, **environment: str) -> str:
    """Run ``cq``; it must exit with the code, say so in one message, and change nothing."""
    before = _changing_calls(team)
    ran = team.run(*arguments, **environment)
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    assert _changing_calls(team) == before, "nothing may change"
    messages = [line for line in ran.stderr.splitlines() if line.startswith(("cq: ", "Error: "))]
    assert len(messages) == 1, ran.stderr
    return ran.stderr


def _with(team: Team, tmp_path: Path, change: Callable[[str], str]) -> dict[str, str]:
    path = tmp_path / "cq.toml"
    path.write_text(change(team.path.read_text("utf-8")), "utf-8")
    return {"CQ_CONFIG": str(path)}


@pytest.fixture(scope="module", autouse=True)
def _bootstrapped(team: Team) -> None:
    team.must("bootstrap", "--region", REGION, "--yes")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("deploy", "xyz", *DEPLOY[2:]), 2, "unknown coin 'xyz'"),
        ((*DEPLOY, "--level", "production"), 2, "level 'production'"),
        (("deploy", "eth", "--release", "v1.0.0", "--region", "ap-south-1", "--yes"), 2, "ap-south-1"),
        (("deploy", "eth", "--release", "v1.0.0", "--yes"), 2, "--region"),
        (("deploy", "eth", "--release", "v9.9.9", "--region", REGION, "--yes"), 3, "no tag v9.9.9"),
        (("deploy", "eth", "--release", "--region", REGION, "--yes"), 2, ""),
        (("deploy", "eth", "--release", "v1.0.0", "--region", REGION), 3, "--yes"),
        ((*DEPLOY, "--number", "0"), 2, "0"),
        ((*DEPLOY, "--number", "10000"), 2, "10000"),
        ((*DEPLOY, "--wait", "soon"), 2, "duration"),
        ((*DEPLOY, "--snapshot", "snap-0123456789abcdef0"), 2, "snap-0123456789abcdef0 is not there"),
        (("retire", "cq-eth-0001-prod "), 2, "not a stack name"),
        (("retire", "cq-eth-4242-prod", "--name", "cq-eth-4242-prod"), 2, "never given out"),
        (("rollback", "doge", "--yes"), 3, "no stack of ours"),
        (("bootstrap", "--region", "ap-south-1", "--yes"), 2, "ap-south-1"),
        (("find", "198.51.100.7"), 1, "belongs to no stack"),
        (("status", "cq-eth-4242-prod"), 2, "no stack cq-eth-4242-prod"),
        (("name", "cq-eth-1-prod"), 2, "not a stack name"),
        (("name", "cq-xyz-0001-prod"), 2, "unknown coin"),
        (("dns", "show", "xyz"), 2, "unknown coin"),
        (("release", "create", "eth", "-v1"), 2, ""),
        (("nonsense",), 2, ""),
    ],
)
def test_a_wrong_word(team: Team, arguments: tuple[str, ...], code: int, says: str) -> None:
    assert says in _refused(team, code, *arguments)


def test_i2_a_number_given_by_hand_that_is_used(team: Team) -> None:
    entry = Entry(rollout="another", region=REGION, release="v0", commit="0" * 40, author="a", reserved="then")
    assert team.means("eth").ledger.reserve(StackName("eth", 77, "prod"), entry)
    said = _refused(team, 3, *DEPLOY, "--number", "77")
    assert "cq-eth-0077-prod was given to rollout another" in said


def test_i3_a_tag_that_is_not_on_master(team: Team) -> None:
    git = team.repository.git
    git("checkout", "--quiet", "-b", "aside")
    git("commit", "--quiet", "--allow-empty", "--message", "aside")
    git("tag", "--annotate", "--message", "aside", "v5.0.0")
    git("push", "--quiet", "origin", "v5.0.0")
    git("checkout", "--quiet", "master")
    said = _refused(team, 3, "deploy", "eth", "--release", "v5.0.0", "--region", REGION, "--yes")
    assert "not on master" in said


def test_a_dirty_tree_makes_no_release(team: Team) -> None:
    file = team.repository.folder / "UNCOMMITTED"
    file.write_text("x", "utf-8")
    try:
        assert "UNCOMMITTED" in _refused(team, 3, "release", "create", "eth", "v7.0.0")
    finally:
        file.unlink()


def test_no_remote(team: Team) -> None:
    team.repository.git("remote", "rename", "origin", "elsewhere")
    try:
        assert "remote" in _refused(team, 2, *DEPLOY)
    finally:
        team.repository.git("remote", "rename", "elsewhere", "origin")


def test_an_image_that_was_never_built(team: Team) -> None:
    team.repository.change("A release without an image")
    team.must("release", "create", "eth", "v8.0.0")
    said = _refused(team, 3, "deploy", "eth", "--release", "v8.0.0", "--region", REGION, "--yes")
    assert team.repository.head() in said


def test_another_home_region_than_the_accounts(team: Team, tmp_path: Path) -> None:
    """The region belongs to the ledger in us-east-1; a configuration that names another would make a second ledger."""
    other = _with(team, tmp_path, lambda text: text.replace('home_region = "us-east-1"', 'home_region = "eu-west-1"'))
    assert "ledger in us-east-1" in _refused(team, 2, *DEPLOY, **other)


def test_i2_a_second_ledger_is_not_bootstrapped(team: Team, tmp_path: Path) -> None:
    other = _with(team, tmp_path, lambda text: text.replace('home_region = "us-east-1"', 'home_region = "eu-west-1"'))
    ran = team.run("bootstrap", "--region", "eu-west-1", "--yes", **other)
    assert ran.returncode == 2
    assert "ledger in us-east-1" in ran.stderr


def test_a_region_that_was_not_bootstrapped(team: Team) -> None:
    region = "eu-west-1"
    images.build_service(team.world.state, region, team.repository.folder, team.commits["v1.0.0"])
    said = _refused(team, 2, "deploy", "eth", "--release", "v1.0.0", "--region", region, "--yes")
    assert f"cq bootstrap --region {region}" in said


def test_no_credentials(team: Team) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert "credentials" in _refused(team, 2, *DEPLOY, **environment)


def test_an_endpoint_that_does_not_answer(team: Team) -> None:
    endpoint = f"http://{team.world.state.address(0, 99)}:4566"
    assert "does not answer" in _refused(team, 1, *DEPLOY, AWS_ENDPOINT_URL=endpoint, AWS_MAX_ATTEMPTS="1")


def test_another_account(team: Team, tmp_path: Path) -> None:
    other = _with(team, tmp_path, lambda text: text.replace('"000000000000"\nhome', '"111111111111"\nhome'))
    assert "111111111111" in _refused(team, 2, *DEPLOY, **other)


def test_a_certificate_that_does_not_cover_the_name(team: Team, tmp_path: Path) -> None:
    other = _with(
        team, tmp_path, lambda text: text.replace('name = "{coin}.example.com"', 'name = "{coin}.a.example.com"')
    )
    said = _refused(team, 2, *DEPLOY, **other)
    assert "does not cover eth.a.example.com" in said


def test_a_zone_that_is_not_ours(team: Team, tmp_path: Path) -> None:
    zone = team.config.level("prod").public_zone
    other = _with(team, tmp_path, lambda text: text.replace(zone, "Z0000000000000"))
    assert "Z0000000000000 is not in this account" in _refused(team, 2, *DEPLOY, **other)


def test_a_name_outside_its_zone(team: Team, tmp_path: Path) -> None:
    other = _with(
        team, tmp_path, lambda text: text.replace('name = "{coin}.example.com"', 'name = "{coin}.example.net"')
    )
    assert "does not belong in hosted zone" in _refused(team, 2, *DEPLOY, **other)


def test_an_image_without_a_digest(team: Team, tmp_path: Path) -> None:
    other = _with(team, tmp_path, lambda text: text.partition("[coins.")[0] + "[coins.ltc]\n")
    said = _refused(team, 2, "deploy", "ltc", "--release", "v1.0.0", "--region", REGION, "--yes", **other)
    assert "not named by digest" in said


def test_no_configuration(team: Team, tmp_path: Path) -> None:
    environment = {k: v for k, v in team.world.environment.items() if k != "CQ_CONFIG"}
    ran = subprocess.run(
        [sys.executable, "-m", "coinquery.cli", "ls"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "no cq.toml" in ran.stderr


def test_help_answers_without_a_configuration_and_without_heavy_imports(tmp_path: Path) -> None:
    code = "import sys; from coinquery.cli import run; run(['--help']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert not loaded & {"boto3", "botocore", "aiohttp", "rich", "dns", "urllib3", "msgspec", "asyncio"}
    assert os.linesep in ran.stdout
