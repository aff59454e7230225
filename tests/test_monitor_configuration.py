"""What the monitor is told of the coins fits into one SSM parameter and comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest

from coinquery import config
from coinquery.coins import Catalogue
from coinquery.errors import BadConfiguration, NotBootstrapped
from coinquery.monitor import configuration
from coinquery.monitor.configuration import Configuration
from tests.worlds import World

NEW_COIN = {
    "dialect": "bitcoin",
    "chain": "00" * 32,
    "block_time": 60,
    "tolerance": "20m",
    "grace": "10m",
    "rpc_port": 8332,
    "containers": [{"name": "node", "image": "node", "command": "node", "memory": 512}],
    "instance_type": "t3.small",
    "volume_size": 10,
    "references": [{"shape": "status", "url": "https://status.example.com"}],
}


def made(coins: dict[str, Any]) -> Configuration:
    certificates = {"us-east-1": "arn:aws:acm:us-east-1:000000000000:certificate/one"}
    level = {
        "regions": ["us-east-1"],
        "name": "{coin}.example.com",
        "public_zone": "Z123",
        "certificates": certificates,
    }
    data = {"account": "000000000000", "home_region": "us-east-1", "levels": {"prod": level}, "coins": coins}
    return Configuration.from_config(config.parse(data))


def test_the_shipped_catalogue_needs_no_text() -> None:
    shipped = Configuration.from_catalogue(Catalogue.load())
    assert shipped.to_text() == '{"coins":{}}'
    assert Configuration.from_text(shipped.to_text()) == shipped


def test_only_what_a_team_changed_travels() -> None:
    changed = made({"eth": {"tolerance": "10s"}, "new": NEW_COIN})
    text = changed.to_text()
    assert len(text.encode()) < 4096
    assert "bitcoincash" not in text
    assert '"btc"' not in text
    assert Configuration.from_text(text) == changed
    assert changed.coins["new"].tolerance_blocks == 20


def test_what_ssm_can_not_hold_is_refused_with_both_sizes() -> None:
    many = [{"shape": "evm", "url": f"https://{n}.example.com"} for n in range(300)]
    with pytest.raises(BadConfiguration, match=r"has \d+ bytes, SSM takes 8192"):
        made({"eth": {"references": many}}).to_text()


@pytest.mark.parametrize("text", ["", "[]", '{"coins":{"eth":{"dialect":"cobol"}}}', "[" * 5000])
def test_a_parameter_that_is_something_else_says_what_to_do(text: str) -> None:
    with pytest.raises(BadConfiguration, match="/coinquery/monitor/configuration") as refused:
        Configuration.from_text(text)
    assert "cq bootstrap" in refused.value.remedy


@pytest.mark.local_aws
def test_written_and_read_back_through_ssm(world: World) -> None:
    ssm = world.aws.ssm("eu-monitor-9")
    with pytest.raises(NotBootstrapped, match="/coinquery/monitor/configuration"):
        configuration.read(ssm)
    for tolerance in ("10s", "20s"):
        changed = made({"eth": {"tolerance": tolerance}})
        configuration.write(ssm, changed)
        assert configuration.read(ssm) == changed
