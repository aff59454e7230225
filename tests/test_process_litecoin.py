"""The same process with real litecoind nodes that sync from a real peer."""

from __future__ import annotations

import json

import pytest

from coinquery.local import toolchain
from tests.teams import REGION, Team

pytestmark = pytest.mark.skipif(toolchain.litecoind() is None, reason="litecoind is not installed")


def test_a_litecoin_release_goes_live_and_its_nodes_are_in_step(team: Team) -> None:
    team.must("bootstrap", "--region", REGION, "--yes")
    result = team.deploy("ltc", "v1.0.0")
    assert result["stack"] == "cq-ltc-0001-prod"
    assert result["commit"] == team.commits["v1.0.0"]
    status = json.loads(team.must("status", "cq-ltc-0001-prod", "--json"))["stacks"][0]
    assert status["role"] == "live"
    assert status["health"] == "healthy"
    assert len(status["instances"]) == 2
    assert all(instance["height"] > 0 for instance in status["instances"])
    found = json.loads(team.must("find", status["instances"][0]["instance"], "--json"))
    assert [match["stack"] for match in found["matches"]] == ["cq-ltc-0001-prod"]
