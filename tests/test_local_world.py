"""The AWS of one machine comes up whole or not at all, and goes without leaving anything."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coinquery import config
from coinquery.errors import LocalAwsBroken, PortInUse, WrongUse
from coinquery.local import environment, ports
from coinquery.local import world as local_world
from coinquery.local.certificates import files
from coinquery.local.state import Component, State
from coinquery.local.supervisor import MARK, Supervisor
from tests.worlds import World, free_state

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
#: Starts a child of its own and ignores SIGTERM, as does its child.
STUBBORN = (sys.executable, "-c", """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
time.sleep(600)
""")  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """A world that is not up yet; the environment is put back, because ``up`` changes it."""
    before = dict(os.environ)
    with free_state(tmp_path / "world") as free:
        free.root.mkdir()
        yield free
        Supervisor(free).stop()
    os.environ.clear()
    os.environ.update(before)


def listener(state: State, host: int = 1) -> Component:
    address = state.address(0, host)
    command = (sys.executable, "-m", "http.server", "8000", "--bind", address)
    return Component(f"listener-{host}", command, f"{address}:8000")


def marked(state: State) -> list[int]:
    """Every process that carries the world's mark, found independently of the supervisor."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={state.root.resolve()}".encode() in entry.read_bytes():
                found.append(int(entry.parts[2]))
        except OSError:
            continue
    return found


def command_line(state: State, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    where = {"CQ_LOCAL_DIR": str(state.root), "CQ_LOCAL_BLOCK": str(state.block)}
    command = [sys.executable, "-c", "from coinquery.cli import main; main()", "local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **where, **more}, check=False)


@pytest.mark.local_aws
def test_the_configuration_of_a_world_is_valid_and_names_what_is_there(world: World) -> None:
    loaded = config.load(str(world.state.root / "cq.toml"))
    assert loaded.account == world.aws.sts(loaded.home_region).get_caller_identity()["Account"]
    assert not loaded.catalogue["eth"].unpinned
    for level in loaded.levels.values():
        assert world.aws.route53().get_hosted_zone(Id=level.public_zone)["HostedZone"]["Name"] == "example.com."
        for region, arn in level.certificates.items():
            assert world.aws.acm(region).describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"
            assert all(file.exists() for file in files(world.state.root / "certificates", arn))
    private = world.aws.route53().get_hosted_zone(Id=str(loaded.levels["prod"].private_zone))["HostedZone"]
    assert (private["Name"], private["Config"]["PrivateZone"]) == ("internal.example.com.", True)


@pytest.mark.local_aws
def test_a_second_up_says_that_it_is_up(world: World) -> None:
    before = [part.pid for part in local_world.health(world.state)]
    assert local_world.up(world.state, print) is False
    said = command_line(world.state, "up")
    assert (said.returncode, "is up already" in said.stderr) == (0, True)
    assert [part.pid for part in local_world.health(world.state)] == before


@pytest.mark.local_aws
def test_status_lists_every_part_and_exits_with_0_if_all_run(world: World) -> None:
    said = command_line(world.state, "status", "--json")
    document = json.loads(said.stdout)
    assert (said.returncode, document["up"]) == (0, True)
    names = {part["name"] for part in document["parts"]}
    assert names >= {"ministack", "gateway", "nameserver", "slack", "evm-network", "evm-witness", "controller"}
    assert {part["problem"] for part in document["parts"]} == {""}


@pytest.mark.local_aws
def test_after_env_a_shell_reaches_this_world_whatever_its_environment_says(world: World, tmp_path: Path) -> None:
    """The caller's profile, endpoints, role, region, token and proxy all lead nowhere; none of them is used."""
    hostile = {
        "AWS_PROFILE": "production", "AWS_REGION": "ap-south-1", "AWS_SESSION_TOKEN": "t", "AWS_ROLE_ARN": "arn",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/none", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "AWS_USE_FIPS_ENDPOINT": "true",
        "CQ_LOCAL_DIR": str(world.state.root), "CQ_LOCAL_BLOCK": str(world.state.block),
    }  # fmt: skip
    (tmp_path / "config").write_text("[profile production]\nendpoint_url = http://127.0.0.1:9\n")
    script = f"""
        eval "$({sys.executable} -c 'from coinquery.cli import main; main()' local env)"
        exec {sys.executable} -c '
import boto3
print(boto3.client("sts").get_caller_identity()["Account"], boto3.client("ssm").meta.region_name)
boto3.client("ssm").put_parameter(Name="/from/the/shell", Value="here", Type="String")'
    """
    said = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env={**os.environ, **hostile}, check=False
    )
    assert said.stdout.split() == ["000000000000", "us-east-1"], said.stderr
    assert world.aws.ssm("us-east-1").get_parameter(Name="/from/the/shell")["Parameter"]["Value"] == "here"


def test_the_environment_removes_every_endpoint_of_a_service() -> None:
    names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_CLOUDFORMATION", "AWS_PROFILE", "PATH", "AWS_ENDPOINT_URL"]
    assert environment.removed(names) == ["AWS_ENDPOINT_URL_CLOUDFORMATION", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"]


def test_down_leaves_no_process_and_no_port(state: State) -> None:
    local_world.up(state, print)
    parts = local_world.health(state)
    assert {part.problem for part in parts} == {""}
    assert local_world.down(state) >= len(parts)
    assert marked(state) == []
    for part in parts:
        if part.listens:
            ports.require_free(part.name, part.listens)
    assert local_world.health(state) == []
    assert local_world.down(state) == 0


def test_a_killed_part_is_said_and_up_does_not_pretend(state: State) -> None:
    local_world.up(state, print)
    slack = next(part for part in local_world.health(state) if part.name == "slack")
    os.kill(slack.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while slack.pid in marked(state) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {part.name for part in local_world.health(state) if part.problem} == {"slack"}
    said = command_line(state, "status")
    assert (said.returncode, "its process is gone" in said.stdout) == (1, True)
    with pytest.raises(LocalAwsBroken, match="slack: its process is gone"):
        local_world.up(state, print)
    local_world.down(state)
    assert marked(state) == []


def test_a_starter_that_is_killed_leaves_nothing_that_down_does_not_find(state: State) -> None:
    where = {"CQ_LOCAL_DIR": str(state.root), "CQ_LOCAL_BLOCK": str(state.block)}
    program = "from coinquery.cli import main; main()"
    starter = subprocess.Popen([sys.executable, "-c", program, "local", "up"], env={**os.environ, **where})
    deadline = time.monotonic() + 30
    while len(marked(state)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    starter.kill()
    starter.wait()
    assert marked(state)
    local_world.down(state)
    assert marked(state) == []
    assert local_world.up(state, print) is True
    local_world.down(state)


def test_a_port_in_use_is_named_with_its_holder_and_nothing_is_started(state: State) -> None:
    with socket.socket() as holder:
        holder.bind((state.address(0, 3), 5300))
        holder.listen()
        with pytest.raises(PortInUse) as caught:
            local_world.up(state, print)
    assert f"{state.address(0, 3)}:5300" in caught.value.what
    assert f"process {os.getpid()}" in caught.value.what
    assert "CQ_LOCAL_BLOCK" in caught.value.remedy
    assert marked(state) == []


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(WrongUse, match="not a local world"):
        local_world.up(State(tmp_path, 99), print)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("block", ["0", "255", "x", "-1", "٣"])
def test_a_block_that_is_none_is_wrong_use(state: State, block: str) -> None:
    said = command_line(state, "up", CQ_LOCAL_BLOCK=block)
    assert (said.returncode, "from 1 to 254" in said.stderr) == (2, True)
    assert "Traceback" not in said.stderr


def test_status_of_a_world_that_is_down_exits_with_1(state: State) -> None:
    assert command_line(state, "status").returncode == 1
    assert json.loads(command_line(state, "status", "--json").stdout) == {"up": False, "parts": []}


def test_a_program_that_ends_while_starting_is_an_error_with_its_last_words(state: State) -> None:
    failing = Component(
        "failing", (sys.executable, "-c", "raise SystemExit('no such luck')"), f"{state.address(0, 1)}:1234"
    )
    with pytest.raises(LocalAwsBroken, match="failing ended while starting; it said: no such luck"):
        Supervisor(state).start([failing])


def test_children_and_those_who_ignore_the_signal_are_ended_too(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coinquery.local.supervisor.STOP_TIMEOUT", 0.5)
    Supervisor(state).start([Component("stubborn", STUBBORN, ""), listener(state)])
    deadline = time.monotonic() + 10
    while len(marked(state)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert Supervisor(state).stop() == 3
    assert marked(state) == []


def test_a_stop_ends_nothing_of_another_world(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "world-2", state.block)
    other.root.mkdir()
    Supervisor(other).start([Component("sleeper", SLEEP, "")])
    Supervisor(state).start([Component("sleeper", SLEEP, "")])
    assert Supervisor(state).stop() == 1
    assert len(marked(other)) == 1
    assert Supervisor(other).stop() == 1


def test_programs_get_nothing_of_the_callers_environment_that_leads_to_aws(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    Supervisor(state).start([Component("sleeper", SLEEP, "", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})])
    (pid,) = marked(state)
    given = dict(e.split("=", 1) for e in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in e)
    assert {k: v for k, v in given.items() if k.startswith("AWS")} == {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


@pytest.mark.local_aws
def test_slack_keeps_what_it_is_sent_and_refuses_what_slack_refuses(world: World) -> None:
    def post(body: bytes) -> tuple[int, str]:
        request = urllib.request.Request(
            f"{world.state.slack}/services/T0/B0", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def kept() -> Any:
        with urllib.request.urlopen(world.state.slack) as answer:
            return json.load(answer)

    before = kept()
    assert post(b'{"text": "live \xf0\x9f\x9a\x80"}') == (200, "ok")
    assert post(b"not json") == (400, "invalid_payload")
    assert post(b"[]") == (400, "invalid_payload")
    assert post(b"{}") == (400, "no_text")
    assert [each for each in kept()[len(before) :] if each["text"].startswith("live")] == [{"text": "live 🚀"}]
