"""The templates are clean under the linters, and the linters see what is planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import templates

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "check_templates.py"
#: checkov's own environment, as `make check` makes it; where it is missing, only what needs checkov is skipped.
CHECKOV = ROOT / ".cache" / "checkov" / "bin" / "checkov"
needs_checkov = pytest.mark.skipif(not CHECKOV.exists(), reason="checkov's environment is made by `make check`")


def check(*paths: Path, checkov: bool = False) -> tuple[int, str]:
    options = ["--checkov", str(CHECKOV)] if checkov else []
    command = [sys.executable, str(SCRIPT), *options, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def plant(folder: Path, path: Path, right: str, wrong: str) -> Path:
    text = path.read_text("utf-8")
    assert right in text
    planted = folder / path.name
    planted.write_text(text.replace(right, wrong), "utf-8")
    return planted


def test_the_templates_are_clean() -> None:
    assert check(*templates.ALL) == (0, "")


@needs_checkov
def test_the_templates_are_clean_under_checkov() -> None:
    assert check(*templates.ALL, checkov=True) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "seen"),
    [
        ("HealthCheckType: EC2", "HealthChekType: EC2", "HealthChekType"),
        ("!Ref NodeSecurityGroup", "!Ref NodesSecurityGroup", "NodesSecurityGroup"),
        ("StatusCode: HTTP_301", "StatusCode: HTTP_308", "HTTP_308"),
        ("      ClusterName: !Ref", "      ClusterName: [!Ref", "coin-stack.yaml"),
        ("Condition: OpensCompanionPeerPort", "Condition: OpensNothing", "OpensCompanionPeerPort"),
    ],
    ids=["unknown property", "dangling reference", "bad value", "not YAML", "unused condition"],
)
def test_what_aws_would_refuse_is_seen(tmp_path: Path, right: str, wrong: str, seen: str) -> None:
    code, said = check(plant(tmp_path, templates.COIN_STACK, right, wrong))
    assert code == 1
    assert seen in said


@needs_checkov
@pytest.mark.parametrize(
    ("path", "right", "wrong", "seen"),
    [
        (templates.NETWORK, "BlockPublicAcls: true", "BlockPublicAcls: false", "CKV_AWS_53"),
        (templates.COIN_STACK, "Protocol: HTTPS, Port", "Protocol: HTTP, Port", "CKV_AWS_2"),
        (templates.COIN_STACK, "HttpTokens: required", "HttpTokens: optional", "CKV_AWS_341"),
    ],
    ids=["public bucket", "redirect without TLS", "IMDSv1"],
)
def test_what_is_unsafe_is_seen(tmp_path: Path, path: Path, right: str, wrong: str, seen: str) -> None:
    code, said = check(plant(tmp_path, path, right, wrong), checkov=True)
    assert code == 1
    assert seen in said
