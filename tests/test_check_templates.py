"""The linters that `make check` runs over the templates see what is planted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests import templates

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "check_templates.py"
#: checkov's own environment, as `make check` makes it; without it, the other two linters are tried.
CHECKOV = ROOT / ".cache" / "checkov" / "bin" / "checkov"
WITH_CHECKOV = ["--checkov", str(CHECKOV)] if CHECKOV.exists() else []

#: What AWS would refuse: a text of coin-stack.yaml, what is planted in its place, what a linter says.
REFUSED = [
    ("HealthCheckType: EC2", "HealthChekType: EC2", "HealthChekType"),
    ("!Ref NodeSecurityGroup", "!Ref NodesSecurityGroup", "NodesSecurityGroup"),
    ("StatusCode: HTTP_301", "StatusCode: HTTP_308", "HTTP_308"),
    ("- OpensCompanionPeerPort", "- OpensNothing", "OpensNothing"),
]
UNREADABLE = [("      ClusterName: !Ref", "      ClusterName: [!Ref", "expected ',' or ']'")]
#: What AWS would take and nobody should.
UNSAFE = [
    ("Protocol: HTTPS, Port", "Protocol: HTTP, Port", "CKV_AWS_2:"),
    ("HttpTokens: required", "HttpTokens: optional", "CKV_AWS_79"),
    ("CidrIp: 10.0.0.0/8", "CidrIp: 0.0.0.0/0", "CKV_AWS_260"),
]


def check(paths: Iterable[Path], *options: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(SCRIPT), *options, *map(str, paths)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def plant(planted: Path, errors: list[tuple[str, str, str]]) -> Path:
    text = templates.COIN_STACK.read_text("utf-8")
    for right, wrong, _ in errors:
        assert right in text
        text = text.replace(right, wrong)
    planted.write_text(text, "utf-8")
    return planted


@pytest.mark.parametrize("errors", [REFUSED, UNREADABLE], ids=["well-formed", "unreadable"])
def test_what_aws_would_refuse_is_seen(tmp_path: Path, errors: list[tuple[str, str, str]]) -> None:
    code, said = check([plant(tmp_path / "planted.yaml", errors)])
    assert code == 1
    assert [seen for _, _, seen in errors if seen not in said] == []


@pytest.mark.skipif(not WITH_CHECKOV, reason="`make check` brings checkov")
def test_what_is_unsafe_is_seen(tmp_path: Path) -> None:
    code, said = check([plant(tmp_path / "planted.yaml", UNSAFE)], *WITH_CHECKOV)
    assert code == 1
    assert [seen for _, _, seen in UNSAFE if seen not in said] == []
