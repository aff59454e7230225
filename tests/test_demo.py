"""``cq demo`` as a user runs it, in an environment that would lead elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from coinquery.local import world as local_world
from tests.worlds import free_state

#: Everything that would lead boto3 to a real account or past the endpoint.
ELSEWHERE = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-key",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ENDPOINT_URL": "https://aws.invalid",
    "AWS_ENDPOINT_URL_CLOUDFORMATION": "https://aws.invalid",
    "AWS_ENDPOINT_URL_ROUTE_53": "https://aws.invalid",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_REGION": "ap-south-1",
    "CQ_CONFIG": "/does/not/exist.toml",
}


def test_i8_the_demo_shows_the_whole_process_and_loses_nothing(tmp_path: Path) -> None:
    with free_state(tmp_path / "world") as state:
        own = {"CQ_LOCAL_DIR": str(state.root), "CQ_LOCAL_BLOCK": str(state.block)}
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "coinquery.cli", "demo", "--json"],
                cwd=tmp_path, env={**os.environ, **ELSEWHERE, **own},
                capture_output=True, text=True, timeout=500, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            local_world.down(state)
            raise
        assert ran.returncode == 0, ran.stderr
        summary = json.loads(ran.stdout)
        assert not (state.root / "processes.json").exists(), "nothing is left running"
    assert summary["requests"]["sent"] > 500
    assert summary["requests"]["lost"] == 0
    assert [stack["stack"] for stack in summary["stacks"]] == ["cq-eth-0001-prod", "cq-eth-0002-prod"]
    assert set(summary["requests"]["commits"]) == {stack["commit"] for stack in summary["stacks"]}
    steps = {step["step"]: step for step in summary["steps"]}
    assert steps["refuse to retire the live stack"]["exit"] == 3
    assert steps["retire the other stack"]["exit"] == 0
    assert [inner["step"] for inner in steps["deploy v1.1.0"]["steps"]] == [
        "find the release",
        "reserve the stack name",
        "create the stack",
        "wait for the nodes",
        "wait for the monitor",
        "confirm the protection",
        "switch the DNS",
        "verify in public",
        "verify inside",
        "announce",
    ]
    assert summary["seconds"] > 0
