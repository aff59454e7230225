"""I14: secrets with marks in them, in every place where one may be configured, and found in no other place.

A world of its own, and a day in production by the real ``cq``. What holds a secret is shown to hold it, and to be used;
then all that can be read without being its keeper is searched: argument lists while ``cq`` runs, templates, parameters,
tags, outputs, logs, journal, records, metrics, alarms, messages, what services answer, errors with ``--debug``,
``--json``, and the monitor's package.
"""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest

from coinquery.aws import Aws, pages
from coinquery.local import environment
from coinquery.local import world as local_world
from coinquery.local.state import State
from tests.teams import REGION, Team
from tests.worlds import World, free_state

MARK = "marked0secret"
SLACK, OTHER_SLACK = f"{MARK}-slack-1a2b3c4d", f"{MARK}-slack-in-ssm-5e6f7a8b"
IN_QUERY, AS_PASSWORD = f"{MARK}-query-9c0d1e2f", f"{MARK}-password-3a4b5c6d"
ACCESS_KEY, SESSION = f"{MARK}-aws-7e8f9a0b", f"{MARK}-session-5a6b7c8d"
TOKEN = f"{MARK}-git-1c2d3e4f"
#: How often a process's argument list is read, from its first moment on.
READS = 5
#: The other end of a secret, which has it: Slack, here.
KEEPERS = ("slack.log", ".cookie")


@dataclass
class Watcher:
    """Reads the argument lists of all processes, each a few times: one that was forked is another once it runs."""

    seen: set[str] = field(default_factory=set)
    _reads: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.01):
            for process in Path("/proc").iterdir():
                if process.name.isdecimal() and self._reads[process.name] < READS:
                    self._reads[process.name] += 1
                    self._read(process / "cmdline")

    def _read(self, file: Path) -> None:
        with suppress(OSError):
            self.seen.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))


@dataclass
class Run:
    """One deploy, with everything that it left to be read, by where that is."""

    team: Team
    coin: str
    cookies: list[str]
    found: dict[str, str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The secrets are kept, a release is deployed, and what can be read is read."""
    before = dict(os.environ)
    with free_state(tmp_path_factory.mktemp("secrets")) as state:
        try:
            local_world.up(state, lambda _: None)
            inherited = {k: v for k, v in os.environ.items() if k not in environment.removed(os.environ)}
            keys = {"AWS_SECRET_ACCESS_KEY": ACCESS_KEY, "AWS_SESSION_TOKEN": SESSION}
            world = World(state, {**inherited, **environment.environment(state), **keys}, Aws())
            yield _deployed(world, tmp_path_factory.mktemp("team"))
        finally:
            local_world.down(state)
            os.environ.clear()
            os.environ.update(before)


def _deployed(world: World, root: Path) -> Run:
    _keep_secrets(world)
    watcher = Watcher()
    with watcher.watching():
        team = Team.form(world, root)
        _hide(team)
        coin = "ltc" if "[coins.ltc]" in team.path.read_text("utf-8") else "eth"
        told = {"bootstrap": team.must("bootstrap", "--region", REGION, "--yes", "--json")}
        told["deploy"] = json.dumps(team.deploy(coin, "v1.0.0"))
        told |= _looks(team, coin)
        told |= _day(team, coin)
        told |= _failures(team, root)
    told["argument lists"] = "\n".join(watcher.seen)
    cookies = [path.read_text("utf-8") for path in world.state.root.rglob(".cookie")]
    told |= _of_account(world) | _of_files(world.state) | _of_files_in(team.repository.folder / ".git", but="config")
    return Run(team, coin, cookies, told)


def _keep_secrets(world: World) -> None:
    """Slack's webhook twice, and the addresses of two references of each coin."""
    state, secrets, ssm = world.state, world.aws.secrets(REGION), world.aws.ssm(REGION)
    secrets.put_secret_value(SecretId="coinquery/slack", SecretString=f"{state.slack}/services/T0/B0/{SLACK}")
    addresses = {"eth": (state.evm_network, state.evm_witness), "ltc": (state.litecoin_network, state.litecoin_witness)}
    parameters = {"/coinquery/slack": f"{state.slack}/services/T0/B0/{OTHER_SLACK}"}
    for coin, (first, second) in addresses.items():
        secrets.create_secret(Name=f"coinquery/references/{coin}", SecretString=f"{first}?key={IN_QUERY}")
        parameters[f"/coinquery/references/{coin}"] = second.replace("://", f"://user:{AS_PASSWORD}@")
    for name, value in parameters.items():
        ssm.put_parameter(Name=name, Value=value, Type="SecureString")


def _hide(team: Team) -> None:
    """References as secrets in ``cq.toml``, and a token in the remote's address, which leads to the same repository."""
    state, text = team.world.state, team.path.read_text("utf-8")
    addresses = {"eth": (state.evm_network, state.evm_witness), "ltc": (state.litecoin_network, state.litecoin_witness)}
    for coin, (first, second) in addresses.items():
        text = text.replace(f'url = "{first}"', f'url = "secretsmanager:coinquery/references/{coin}"')
        text = text.replace(f'url = "{second}"', f'url = "ssm:/coinquery/references/{coin}"')
    real, address = team.repository.git("remote", "get-url", "origin"), f"https://robot:{TOKEN}@git.example.com/x.git"
    with (team.repository.folder / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write(f'[url "{real.strip()}"]\n\tinsteadOf = {address}\n')
        file.write(f'[remote "hidden"]\n\turl = {address}\n[remote "gone"]\n\turl = {address}/gone\n')
    one = text.replace("[levels.prod]", "[levels.prod]\ninstances = 1")
    team.path.write_text('remote = "hidden"\n' + one, "utf-8")


def _looks(team: Team, coin: str) -> dict[str, str]:
    commands = (
        ("ls", "--json"), ("status", "--json"), ("dns", "show", coin, "--json"),
        ("find", f"{coin}.example.com", "--json"), ("release", "list", "--json"),
        ("bootstrap", "--region", REGION, "--plan"),
        ("deploy", coin, "--release", "v1.1.0", "--region", REGION, "--plan", "--json"),
        ("monitor", "run", "--once", "--region", REGION, "--json"), ("retire", f"cq-{coin}-0001-prod", "--plan"),
    )  # fmt: skip
    ran = {" ".join(command): team.run("--debug", *command) for command in commands}
    assert all(done.returncode == 0 for done in ran.values()), {c: d.stderr for c, d in ran.items() if d.returncode}
    return {command: done.stdout + done.stderr for command, done in ran.items()}


def _day(team: Team, coin: str) -> dict[str, str]:
    """What else is done to production, and what is looked at after it."""
    first, second = f"cq-{coin}-0001-prod", f"cq-{coin}-0002-prod"
    told = {"services": "\n".join(_of_services(team, first)), "second deploy": json.dumps(team.deploy(coin, "v1.1.0"))}
    commands = (
        (0, ("monitor", "silence", second, "--for", "1m", "--why", "to see that it can be")),
        (0, ("monitor", "silences", "--json")),
        (0, ("rollback", coin, "--yes")),
        (3, ("retire", first, "--name", first, "--break-glass", "it is live, and stays")),
        (0, ("retire", second, "--name", second, "--break-glass", "nobody waits for it")),
        (0, ("history", "--json")),
        (0, ("history", second)),
        (1, ("check", "--json")),
    )
    for code, command in commands:
        ran = team.run("--debug", *command)
        assert ran.returncode == code, f"{command}: {ran.stderr}"
        told[" ".join(command)] = ran.stdout + ran.stderr
    return told


def _of_services(team: Team, stack: str) -> Iterator[str]:
    """What a stack's instances tell anyone who asks."""
    filters: Any = [{"Name": "tag:coinquery:stack", "Values": [stack]}]
    for reservation in pages(team.world.aws.ec2(REGION), "describe_instances", "Reservations", Filters=filters):
        for instance in reservation["Instances"]:
            for path in ("/info", "/metrics", "/"):
                with (
                    suppress(HTTPError),
                    urlopen(f"http://{instance['PrivateIpAddress']}:8080{path}", timeout=5) as answer,
                ):
                    yield f"{path}: {answer.read().decode()}"


def _failures(team: Team, root: Path) -> dict[str, str]:
    """Errors that come near a secret, with their tracebacks."""
    told = {}
    text = team.path.read_text("utf-8")
    wrong = {
        "a webhook in clear": text.replace(
            "secretsmanager:coinquery/slack", f"https://hooks.slack.com/services/{SLACK}"
        ),
        "a webhook that is not there": text.replace("secretsmanager:coinquery/slack", "ssm:/coinquery/none"),
        "a password in clear": text.replace(
            "secretsmanager:coinquery/references/eth", f"https://u:{AS_PASSWORD}@x.example"
        ),
        "a key in clear": text.replace("secretsmanager:coinquery/references/eth", f"https://x.example/?key={IN_QUERY}"),
        "another table": text + f'\n[coins.odd]\nurl = "{SLACK}"\n',
        "no TOML": text + f'\n"{SLACK}\n',
    }
    for name, changed in wrong.items():
        path = root / "wrong.toml"
        path.write_text(changed, "utf-8")
        ran = team.run(
            "--debug", "deploy", "eth", "--release", "v1.0.0", "--region", REGION, "--plan", CQ_CONFIG=str(path)
        )
        assert ran.returncode in ((0,) if name == "a webhook that is not there" else (2,)), f"{name}: {ran.stderr}"
        told[name] = ran.stdout + ran.stderr
    path.write_text(text.replace('remote = "hidden"', 'remote = "gone"'), "utf-8")
    told["a remote that is gone"] = team.run("--debug", "release", "list", CQ_CONFIG=str(path)).stderr
    told["no AWS"] = team.run("--debug", "ls", AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1").stderr
    assert all(word in told["a remote that is gone"] for word in ("Traceback", "GitFailed", "/gone"))
    path.write_text(text.replace("secretsmanager:coinquery/slack", "ssm:/coinquery/slack"), "utf-8")
    team.repository.change("A release that is told by the other webhook")
    told["release"] = team.run("release", "create", "eth", "v1.2.0", "--json", CQ_CONFIG=str(path)).stdout
    assert json.loads(told["release"])["slack"]["delivered"]
    return told


def _of_account(world: World) -> dict[str, str]:
    """Whatever the account shows of each region, but the secrets themselves."""
    found: dict[str, Any] = {}
    for region in ("us-east-1", "eu-west-1", "us-west-2"):
        aws = world.aws
        cloudformation, ec2, ecs, logs = aws.cloudformation(region), aws.ec2(region), aws.ecs(region), aws.logs(region)
        for stack in pages(cloudformation, "describe_stacks", "Stacks"):
            name = stack["StackName"]
            found[f"stack {name}"] = stack
            found[f"template {name}"] = cloudformation.get_template(StackName=name)["TemplateBody"]
            found[f"events {name}"] = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        for group in pages(logs, "describe_log_groups", "logGroups"):
            name = group["logGroupName"]
            for stream in pages(logs, "describe_log_streams", "logStreams", logGroupName=name):
                events = logs.get_log_events(
                    logGroupName=name, logStreamName=stream["logStreamName"], startFromHead=True, limit=10_000
                )["events"]
                found[f"log {region} {name} {stream['logStreamName']}"] = [event["message"] for event in events]
        found[f"instances {region}"] = list(pages(ec2, "describe_instances", "Reservations"))
        found[f"volumes {region}"] = list(pages(ec2, "describe_volumes", "Volumes"))
        for template in ec2.describe_launch_templates()["LaunchTemplates"]:
            versions: Any = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
            data = versions["LaunchTemplateVersions"][-1]["LaunchTemplateData"]
            found[f"launch template {region} {template['LaunchTemplateName']}"] = data
            user_data = base64.b64decode(data.get("UserData", "")).decode()
            found[f"user data {region} {template['LaunchTemplateName']}"] = user_data
        for arn in pages(ecs, "list_task_definitions", "taskDefinitionArns"):
            found[f"task {arn}"] = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        found[f"functions {region}"] = aws.functions(region).list_functions()["Functions"]
        found[f"alarms {region}"] = aws.cloudwatch(region).describe_alarms()
        sns = aws.sns(region)
        topics = [topic["TopicArn"] for topic in pages(sns, "list_topics", "Topics")]
        found[f"topics {region}"] = [sns.get_topic_attributes(TopicArn=topic)["Attributes"] for topic in topics]
        bridge = boto3.client("events", region_name=region, endpoint_url=world.state.gateway)
        rules = bridge.list_rules()["Rules"]
        found[f"rules {region}"] = [(rule, bridge.list_targets_by_rule(Rule=rule["Name"])["Targets"]) for rule in rules]
        found[f"metrics {region}"] = list(pages(aws.cloudwatch(region), "list_metrics", "Metrics"))
        parameters = pages(aws.ssm(region), "get_parameters_by_path", "Parameters", Path="/", Recursive=True)
        found[f"parameters {region}"] = [p for p in parameters if p["Type"] != "SecureString"]
        found |= _of_buckets(aws, region)
    with urlopen(world.state.slack, timeout=5) as inbox:
        found["messages"] = inbox.read().decode()
    return {where: what if isinstance(what, str) else json.dumps(what, default=str) for where, what in found.items()}


def _of_buckets(aws: Aws, region: str) -> dict[str, str]:
    found, s3 = {}, aws.s3(region)
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
            body = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
            with zipfile.ZipFile(io.BytesIO(body)) as package:
                whole = b"\n".join(package.read(name) for name in package.namelist())
            found[f"package {item['Key']}"] = whole.decode("latin-1")
    return found


def _of_files(state: State) -> dict[str, str]:
    return _of_files_in(state.root)


def _of_files_in(folder: Path, but: str = "") -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in (*KEEPERS, but)]
    return {str(path): path.read_bytes().decode("latin-1") for path in files}


def test_i14_the_secrets_are_where_they_belong_and_are_used(run: Run) -> None:
    aws, coin = run.team.world.aws, run.coin
    assert SLACK in aws.secrets(REGION).get_secret_value(SecretId="coinquery/slack")["SecretString"]
    assert IN_QUERY in aws.secrets(REGION).get_secret_value(SecretId=f"coinquery/references/{coin}")["SecretString"]
    parameter = aws.ssm(REGION).get_parameter(Name=f"/coinquery/references/{coin}", WithDecryption=True)["Parameter"]
    assert AS_PASSWORD in parameter["Value"]
    assert TOKEN in run.team.repository.git("config", "remote.hidden.url")
    assert "https" not in run.team.repository.git("remote", "get-url", "hidden"), "it leads to the same repository"
    heard = (run.team.world.state.root / "logs" / "slack.log").read_text("utf-8")
    assert f"/{SLACK} " in heard, "the first webhook was used"
    assert f"/{OTHER_SLACK} " in heard, "and the other one"
    (records,) = (
        what for where, what in run.found.items() if where.endswith(f"/coinquery/monitor cq-{coin}-0001-prod")
    )
    healthy = [record for record in map(json.loads, json.loads(records)) if record["verdict"] == "healthy"]
    assert healthy
    assert all(record["witnesses"] == 2 for record in healthy), "both references were asked"
    if coin == "ltc":
        assert run.cookies
        assert all(":" in cookie for cookie in run.cookies)


def test_i14_what_is_searched_is_there(run: Run) -> None:
    """The search would find a mark: what surrounds the secrets is in it."""
    name = f"cq-{run.coin}-0001-prod"
    places = (
        f"stack {name}", f"template {name}", "messages", "argument lists", "metrics us-east-1", "task ", "services",
        "alarms us-east-1", "topics us-east-1", "rules us-east-1", "history --json",
    )  # fmt: skip
    for where in places:
        assert any(key.startswith(where) and what for key, what in run.found.items()), where
    assert f"deploy {run.coin} --release v1.0.0" in run.found["argument lists"]
    assert "git " in run.found["argument lists"]
    assert all(word in run.found["services"] for word in ("/info: ", "/metrics: ", "commitHash"))
    assert "given back" in run.found["history --json"]
    assert any(key.endswith(f"/coinquery/journal {name}") for key in run.found)
    assert any("aws/lambda/coinquery-monitor" in key for key in run.found)
    assert any(key.startswith("package ") and "def handler(event" in what for key, what in run.found.items())
    assert f"secretsmanager:coinquery/references/{run.coin}" in run.found["parameters us-east-1"]
    assert any(key.endswith("aws-calls.jsonl") and "GetSecretValue" in what for key, what in run.found.items())


def test_i14_no_secret_is_anywhere_else(run: Run) -> None:
    marks = [MARK, *(cookie.partition(":")[2] for cookie in run.cookies)]
    kept = [base64.b64encode(f"user:{AS_PASSWORD}".encode()).decode()]
    found = [
        f"{where}: {what[max(0, what.index(mark) - 60) :][:120]!r}"
        for where, what in run.found.items()
        for mark in [*marks, *kept]
        if mark and mark in what
    ]
    assert not found, "\n".join(found)
