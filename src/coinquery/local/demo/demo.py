"""The demo: the commands that a team would type, one after the other, while a client asks without pause."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from coinquery.errors import DemoFailed
from coinquery.local import images, world
from coinquery.local.demo.client import Report
from coinquery.local.demo.repository import Repository
from coinquery.local.environment import HOME_REGION
from coinquery.local.state import HTTPS_PORT, State

COIN, FIRST, SECOND = "eth", "v1.0.0", "v1.1.0"
Say = Callable[[str], None]


class StepReport(msgspec.Struct, kw_only=True):
    """One step of the demo: what was typed, how it ended, how long it took in seconds, and what it said last.

    ``steps`` are the steps that the command itself went through, each with its ``seconds``.
    """

    step: str
    command: str
    exit: int
    seconds: float
    said: str
    steps: list[dict[str, Any]] = []


class Summary(msgspec.Struct, kw_only=True):
    """What ``cq demo --json`` prints. ``seconds`` is the whole demo's time."""

    steps: list[StepReport]
    stacks: list[dict[str, str]]
    requests: Report
    seconds: float


@dataclass
class Demo:
    """One run in a fresh world; ``say`` is told what happens."""

    state: State
    say: Say
    steps: list[StepReport] = field(default_factory=list)
    stacks: list[dict[str, str]] = field(default_factory=list)

    def run(self) -> Summary:
        """The process from nothing to two production stacks and the way back."""
        begun = time.monotonic()
        self._local("bring up the AWS of this machine", "cq local up", lambda: world.up(self.state, self.say))
        repository = Repository.create(self.state.folder("demo"))
        self._cq(repository, "bring network and monitor", "bootstrap", "--region", HOME_REGION, "--yes")
        self._release(repository, FIRST)
        self._deploy(repository, FIRST)
        with self._client() as report:
            repository.change("A second release")
            self._release(repository, SECOND)
            self._deploy(repository, SECOND)
            self._way_back(repository)
        return Summary(
            steps=self.steps, stacks=self.stacks, requests=report(), seconds=round(time.monotonic() - begun, 1)
        )

    def _way_back(self, repository: Repository) -> None:
        first, second = (stack["stack"] for stack in self.stacks)
        self._run(repository, "give the name back", "rollback", COIN, "--yes")
        self._cq(repository, "refuse to retire the live stack", "retire", first, "--name", first, exits=3)
        self._local("wait until the other one is quiet", "sleep 12", lambda: time.sleep(12))
        self._run(repository, "retire the other stack", "retire", second, "--name", second)
        self._cq(repository, "see the fleet", "ls")

    def _release(self, repository: Repository, tag: str) -> None:
        self._cq(repository, f"release {tag}", "release", "create", COIN, tag)
        build = f"build the image of {tag} (the pipeline's part)"
        self._local(build, "git archive", lambda: self._build(repository))

    def _build(self, repository: Repository) -> None:
        images.build_service(self.state, HOME_REGION, repository.folder, repository.head())

    def _deploy(self, repository: Repository, tag: str) -> None:
        where = ("--release", tag, "--region", HOME_REGION)
        result = self._run(repository, f"deploy {tag}", "deploy", COIN, *where, "--yes")
        self.stacks.append({key: value for key, value in result.items() if isinstance(value, str)})

    def _run(self, repository: Repository, step: str, *arguments: str) -> dict[str, Any]:
        """Type a command that goes through steps, and note them; return what it printed."""
        document: dict[str, Any] = msgspec.json.decode(self._cq(repository, step, *arguments, "--json"))
        self.steps[-1].steps = document["steps"]
        for done in document["steps"]:
            self.say(f"    {done['step']:<24} {done['seconds']:5.1f} s  {done['saw']}")
        return document

    def _cq(self, repository: Repository, step: str, *arguments: str, exits: int = 0) -> str:
        """Type a command of ``cq``; raise DemoFailed unless it exits as it must."""
        command = shlex.join(["cq", *arguments])
        self.say(f"$ {command}")
        begun = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "coinquery.cli", *arguments],
            cwd=repository.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = ran.stderr if exits or ran.returncode else ran.stdout
        self._note(step, command, ran.returncode, time.monotonic() - begun, _last_line(said))
        if ran.returncode != exits:
            raise DemoFailed(
                f"`{command}` exited {ran.returncode}, not {exits}:\n{ran.stderr.strip()}",
                "Run the demonstration again with --keep, and look at the logs: cq local status names them.",
            )
        return ran.stdout

    def _local(self, step: str, command: str, act: Callable[[], object]) -> None:
        begun = time.monotonic()
        act()
        self._note(step, command, 0, time.monotonic() - begun, "")

    def _note(self, step: str, command: str, code: int, seconds: float, said: str) -> None:
        self.steps.append(StepReport(step=step, command=command, exit=code, seconds=round(seconds, 1), said=said))
        self.say(f"  {step}: {'done' if code == 0 else f'exit {code}'} in {seconds:.1f} s  {said}")

    @contextmanager
    def _client(self) -> Iterator[Callable[[], Report]]:
        """A client asks for as long as the block runs; after it the report can be read."""
        command = (sys.executable, "-m", "coinquery.local.demo.client", f"{COIN}.example.com", str(HTTPS_PORT))
        ca_bundle = str(self.state.root / "certificates" / "ca.pem")
        output = self.state.folder("demo") / "client.json"
        with output.open("wb") as file:
            client = subprocess.Popen([*command, self.state.name_server, ca_bundle], stdout=file)
        self.say("a client with 20 connections asks from now on, without pause and without a second try")
        try:
            yield lambda: msgspec.json.decode(output.read_bytes(), type=Report)
        finally:
            client.send_signal(signal.SIGTERM)
            client.wait(timeout=30)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.startswith(("cq:", "cq-", "eth."))]
    return lines[-1] if lines else ""


def next_steps(state: State) -> str:
    """What to try after ``cq demo --keep``."""
    folder = Path(state.root, "demo", "service")
    given = {name: os.environ[name] for name in ("CQ_LOCAL_DIR", "CQ_LOCAL_BLOCK") if os.environ.get(name)}
    lead = "".join(f"export {name}={shlex.quote(value)}\n  " for name, value in given.items())
    return f"""It all runs on. Try, in {folder}:
  {lead}eval "$(cq local env)"
  cq ls
  cq status
  cq find 127.{state.block}.1.1
  cq dns show {COIN}
  cq deploy {COIN} --release {SECOND} --region {HOME_REGION} --new
  aws cloudformation describe-stacks
and when you have seen enough:
  cq local down"""
