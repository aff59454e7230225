"""``cq.toml``: every mistake gives one message that names the field and says what to write."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery import config
from coinquery.durations import Duration
from coinquery.errors import BadConfiguration

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000"
GOOD: dict[str, Any] = {
    "account": "123456789012",
    "home_region": "us-east-1",
    "levels": {
        "prod": {
            "regions": ["us-east-1"],
            "name": "{coin}.example.com",
            "public_zone": "Z0123456789ABC",
            "private_name": "{coin}.internal.example.com",
            "private_zone": "Z0123456789ABD",
            "certificates": {"us-east-1": ARN},
        },
        "stage": {
            "regions": ["eu-west-1"],
            "name": "{coin}.stage.example.com",
            "public_zone": "Z0123456789ABC",
            "certificates": {"eu-west-1": ARN},
        },
    },
    "slack": {"webhook": "secretsmanager:coinquery/slack"},
    "waits": {"nodes": "2d", "poll": "1s"},
    "coins": {"eth": {"instances": 3}},
}

Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    change(data)
    return data


def test_a_right_configuration_is_read() -> None:
    read = config.parse(GOOD)
    assert read.waits.nodes == Duration(2 * 86400)
    assert read.catalogue["eth"].instances == 3
    assert read.regions == ("eu-west-1", "us-east-1")
    assert read.level("stage").name == "{coin}.stage.example.com"
    assert (read.production_branch, read.remote) == ("master", "origin")


def prod(data: dict[str, Any]) -> Any:
    return data["levels"]["prod"]


def stage(data: dict[str, Any]) -> Any:
    return data["levels"]["stage"]


def certificates(data: dict[str, Any]) -> Any:
    return prod(data)["certificates"]


WITH_PASSWORD = {"shape": "evm", "url": "https://me:notforlogs@example.com"}
SECRET = "https://hooks.slack.com/services/T00/B00/notforlogs"
MISTAKES: list[tuple[Change, str]] = [
    (lambda d: d.update(account=123456789012), "cq.toml.account: expected text, got a whole number"),
    (lambda d: d.update(account="1234"), "cq.toml.account: expected the AWS account's 12 digits"),
    (lambda d: d.update(account="123456789012\n"), "cq.toml.account: expected the AWS account's 12 digits"),
    (lambda d: d.pop("home_region"), "cq.toml: missing field 'home_region'"),
    (lambda d: d.update(home_region="US-EAST-1"), "cq.toml.home_region: expected a region such as us-east-1"),
    (lambda d: d.update(home_regoin="us-east-1"), "cq.toml: unknown field 'home_regoin'"),
    (lambda d: d.update(levels=["prod"]), "cq.toml.levels: expected a table, got a list"),
    (lambda d: d["levels"].update(production=d["levels"]["prod"]), "cq.toml: levels.production: unknown level"),
    (lambda d: prod(d).update(public_zone="example.com"),
     "cq.toml.levels.prod.public_zone: expected the hosted zone"),
    (lambda d: stage(d).update(public_zone="/hostedzone/Z1"),
     "cq.toml.levels.stage.public_zone: expected the hosted zone's id"),
    (lambda d: prod(d).update(zone="Z0123456789ABC"), "cq.toml.levels.prod: unknown field 'zone'"),
    (lambda d: stage(d).update(name=prod(d)["name"], public_zone=prod(d)["public_zone"]),
     "cq.toml: levels.stage.name: {coin}.example.com in zone"),
    (lambda d: prod(d).update(private_name=prod(d)["name"], private_zone=prod(d)["public_zone"]),
     "cq.toml: levels.prod.private_name: {coin}.example.com in zone"),
    (lambda d: prod(d).pop("name"), "cq.toml.levels.prod: missing field 'name'"),
    (lambda d: prod(d).update(name="eth.example.com"),
     "cq.toml.levels.prod.name: expected a pattern such as {coin}.example.com"),
    (lambda d: prod(d).update(regions=[]), "cq.toml.levels.prod.regions: expected a list of length >= 1"),
    (lambda d: prod(d).update(regions="us-east-1"), "cq.toml.levels.prod.regions: expected a list, got text"),
    (lambda d: stage(d).update(regions=["eu-west-1", "here"]),
     "cq.toml.levels.stage.regions[1]: expected a region"),
    (lambda d: prod(d).update(regions=["us-east-1", "us-east-2"]),
     "cq.toml.levels.prod: no certificate for region us-east-2"),
    (lambda d: certificates(d).update({"us-east-1": "my-certificate"}),
     "cq.toml.levels.prod.certificates.us-east-1: expected the ARN of an ACM certificate"),
    (lambda d: certificates(d).update({"east": ARN}), "cq.toml.levels.prod.certificates.east: expected a region"),
    (lambda d: prod(d).pop("private_name"), "cq.toml.levels.prod: private_zone and private_name go together"),
    (lambda d: prod(d).update(instances=0), "cq.toml.levels.prod.instances: expected a whole number >= 1"),
    (lambda d: prod(d).update(instances="3"), "cq.toml.levels.prod.instances: expected a whole number"),
    (lambda d: d["slack"].update(webhook=SECRET),
     "cq.toml.slack.webhook: expected a reference, secretsmanager:NAME or ssm:/NAME"),
    (lambda d: d["slack"].update(webhook="ssm:name-without-slash"), "cq.toml.slack.webhook: expected a reference"),
    (lambda d: d["slack"].update(url=SECRET), "cq.toml.slack: unknown field 'url'"),
    (lambda d: d.update(slack=SECRET), "cq.toml.slack: expected a table"),
    (lambda d: d["waits"].update(nodes="soon"),
     "cq.toml.waits.nodes: 'soon' is not a duration; write 90s, 10m, 2h or 14d"),
    (lambda d: d["waits"].update(nodes=600), "cq.toml.waits.nodes: not a duration; write 90s, 10m, 2h or 14d"),
    (lambda d: d["waits"].update(node="10m"), "cq.toml.waits: unknown field 'node'"),
    (lambda d: d.update(thresholds={"healthy_records": 0}),
     "cq.toml.thresholds.healthy_records: expected a whole number >= 1"),
    (lambda d: d.update(network={"nat": "two"}), "cq.toml.network.nat: expected none, one or each-zone"),
    (lambda d: d.update(monitor={"runtime": "python2.7"}),
     "cq.toml.monitor.runtime: expected a runtime of AWS Lambda"),
    (lambda d: d.update(listener={"https_port": 70000}),
     "cq.toml.listener.https_port: expected a whole number <= 65535"),
    (lambda d: d.update(coins={"eth": "geth"}), "cq.toml.coins.eth: expected a table, got text"),
    (lambda d: d.update(coins={"eth": {"tolerence": "3m"}}), "coins.eth: unknown field 'tolerence'"),
    (lambda d: d.update(coins={"eth": {"tolerance": 180}}), "coins.eth.tolerance: not a duration"),
    (lambda d: d.update(coins={"eth": {"references": [WITH_PASSWORD]}}),
     "coins.eth.references[0].url: expected an http or"),
    (lambda d: d.update(coins={"new": {"dialect": "evm"}}), "coins.new: missing field"),
    (lambda d: d.update(coins={"eth": {"containers": [{"name": "geth"}]}}),
     "coins.eth.containers[0]: missing field"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_mistake_is_named(change: Change, message: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        config.parse(changed(change))
    assert refused.value.exit_code == 2
    assert refused.value.what.startswith(message)
    assert refused.value.remedy
    assert "regex" not in refused.value.what


@pytest.mark.parametrize("change", [change for change, _ in MISTAKES])
def test_i14_a_secret_in_the_wrong_place_is_not_repeated(change: Change) -> None:
    with pytest.raises(BadConfiguration) as refused:
        config.parse(changed(change))
    assert "notforlogs" not in refused.value.what + refused.value.remedy
    assert refused.value.__cause__ is None or "notforlogs" not in str(refused.value.__cause__)


def test_a_level_that_is_not_configured_is_named_with_those_that_are() -> None:
    with pytest.raises(BadConfiguration, match="level 'dev' is not configured") as refused:
        config.parse(GOOD).level("dev")
    assert "prod, stage" in refused.value.remedy


def test_the_file_is_found_upward_by_variable_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("upward", "variable", "named"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cq.toml").write_text("")
    inside = tmp_path / "upward" / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    monkeypatch.delenv("CQ_CONFIG", raising=False)
    assert config.find(None) == tmp_path / "upward" / "cq.toml"
    monkeypatch.setenv("CQ_CONFIG", str(tmp_path / "variable" / "cq.toml"))
    assert config.find(None) == tmp_path / "variable" / "cq.toml"
    assert config.find(str(tmp_path / "named" / "cq.toml")) == tmp_path / "named" / "cq.toml"


def test_a_named_file_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadConfiguration, match="no configuration at"):
        config.load(str(tmp_path / "cq.toml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CQ_CONFIG", raising=False)
    with pytest.raises(BadConfiguration, match=r"no cq\.toml in"):
        config.load()


@pytest.mark.parametrize("text", [b"account = ", b"a = 1\na = 2", b"\xff\xfe", b"[levels.prod"])
def test_what_is_not_toml_is_said_with_its_place(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "cq.toml"
    path.write_bytes(text)
    with pytest.raises(BadConfiguration, match=r"cq\.toml is not TOML"):
        config.load(str(path))


@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_durations_print_as_they_are_read(count: int, unit: str) -> None:
    duration = Duration.parse(f"{count}{unit}")
    assert Duration.parse(str(duration)) == duration
    assert duration.seconds == count * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "1.5h", "10 m", "10M", "٣m", "10m\n", "1h30m", "9999999s"])
def test_other_lengths_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        Duration.parse(text)
