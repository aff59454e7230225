"""The worlds that the state machine plays in: a light one, where time is simulated, and one with real nodes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint

from coinquery.aws import Aws
from coinquery.local import environment
from coinquery.local import world as local_world
from coinquery.local.demo.repository import Repository
from coinquery.local.state import State
from coinquery.monitor import invoke
from tests.chaos.play import Hand, Monitor, Play
from tests.chaos.simulated import PACE, Chain, ShiftingClock, Theatre
from tests.chaos.stage import Stage, light_world
from tests.chaos.terms import LIGHT, REAL, Terms
from tests.chaos.wire import Sent, Switchboard, Wire
from tests.monitored import Background
from tests.teams import REGION, RELEASES, Team
from tests.worlds import World, child_environment, free_state

#: What nobody may see of the webhook's address.
MARK = "5d1e8cfeMARK27ab94c0"


class _Nobody(Stage):
    """No stage: whoever comes into the world later brings one."""

    def __post_init__(self) -> None: ...

    def close(self) -> None:
        """Nothing."""


@contextmanager
def ground() -> Iterator[Team]:
    """A light world with a team in it, which any number of processes may play in, one after the other."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        world, _ = stack.enter_context(light_world(folder / "world", make=_Nobody, without=("litecoin", "evm")))
        team = _team(world, folder, LIGHT)
        hand = Hand(world.state.ministack)
        for rule in hand.events.list_rules()["Rules"]:
            hand.events.disable_rule(Name=rule["Name"])
        yield team


@contextmanager
def playing(team: Team, first: int = 0) -> Iterator[Play]:
    """A play on light ground, with coins from number ``first`` on; this process is the team's while it stands."""
    background = Background()
    stage = Theatre(team.world.state, (REGION,), background)
    try:
        with _entered(team), Switchboard().installed() as switchboard:
            wire = Wire()
            aws = switchboard.aws(wire.on_send, read_timeout=10, attempts=3)
            monitor = Monitor(aws, stage.clock)
            with _base(team) as base:
                yield Play(
                    team, LIGHT, stage, switchboard, _hand(team), monitor, wire, base, _secret(team), count(first)
                )
    finally:
        stage.close()
        background.close()


@contextmanager
def play() -> Iterator[Play]:
    """A play in a light world of its own."""
    with ground() as team, playing(team) as world:
        yield world


def standing(folder: Path, block: int) -> Team:
    """The team of a world that another process made in ``folder``; this process's environment leads there from now."""
    state = State(folder / "world", block)
    environment.enter(state)
    repository = Repository(folder / "team" / "service")
    commits = {tag: repository.git("rev-parse", f"{tag}^{{commit}}").strip() for tag in RELEASES}
    return Team(World(state, dict(os.environ), Aws()), folder / "team" / "cq.toml", repository, commits)


class _RealClock(ShiftingClock):
    """The time of day; a minute that passes is a second."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def move(self, seconds: float) -> None:
        time.sleep(seconds / 60)


@dataclass
class _RealStage(Theatre):
    """The controller keeps instances and load balancers; nothing of them is ours but to end an instance."""

    clock: ShiftingClock = field(default_factory=_RealClock)
    harms: tuple[str, ...] = ("dies",)
    replaces_within: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        self.chain = Chain(self.clock)

    def close(self) -> None: ...

    def wake(self) -> None: ...

    def settle(self) -> None: ...


class _RealMonitor(Monitor):
    """The function itself, in the local AWS."""

    def answer(self, sent: Sent) -> None:
        return None

    def sweep(self) -> object:
        return invoke.ask(self.aws.functions(REGION))


class _RealPlay(Play):
    def prepare_monitor(self) -> None:
        self.team.must("bootstrap", "--region", REGION, "--yes")


@contextmanager
def real_play() -> Iterator[Play]:
    """A play with real nodes, the real monitor and real time, in a whole local world of its own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, free_state(Path(folder) / "world") as state:
        try:
            local_world.up(state, print)
            team = _team(World(state, child_environment(state), Aws()), Path(folder), REAL)
            stage = _RealStage(state, (REGION,), Background())
            with _entered(team), Switchboard().installed() as switchboard, _base(team) as base:
                wire = Wire()
                monitor = _RealMonitor(switchboard.aws(Wire().on_send), stage.clock)
                hand = _hand(team)
                yield _RealPlay(team, REAL, stage, switchboard, hand, monitor, wire, base, _secret(team), count())
                stage.background.close()
        finally:
            local_world.down(state)
            os.environ.clear()
            os.environ.update(before)


def _team(world: World, folder: Path, terms: Terms) -> Team:
    (folder / "team").mkdir()
    team = Team.form(world, folder / "team")
    _configure(team, terms)
    team.must("bootstrap", "--region", REGION, "--yes")
    secrets = world.aws.secrets(REGION)
    secrets.put_secret_value(SecretId="coinquery/slack", SecretString=_secret(team))
    return team


def _secret(team: Team) -> str:
    return f"{team.world.state.slack}/services/T0/B0/{MARK}"


def _hand(team: Team) -> Hand:
    return Hand(team.world.state.ministack)


@contextmanager
def _base(team: Team) -> Iterator[str]:
    """The team's configuration, which is put back at the end."""
    base = team.path.read_text("utf-8")
    try:
        yield base
    finally:
        team.path.write_text(base, "utf-8")


def _configure(team: Team, terms: Terms) -> None:
    """One region for production and for stage, waits by the terms, and no coin but one."""
    text = team.path.read_text("utf-8")
    arn = re.search(r'"us-east-1" = "(arn:[^"]+)"', text)
    assert arn is not None
    text = re.sub(r"(?ms)^\[levels\.(dev|test)\]$.*?(?=^\[)", "", text)
    text = re.sub(r"(?ms)^\[coins\.ltc\]$.*", "", text)
    text = re.sub(r"(?m)^regions = .*$", 'regions = ["us-east-1"]', text)
    text = re.sub(r"(?m)^certificates = .*$", f'certificates = {{ "us-east-1" = "{arn[1]}" }}', text)
    text = text.replace("[coins.eth]\n", f"[coins.eth]\ninstances = {terms.instances}\n")
    text = re.sub(r"(?ms)^\[waits\]$.*?(?=^\[)", "", text)
    team.path.write_text(text + terms.toml(), "utf-8")


@contextmanager
def _entered(team: Team) -> Iterator[None]:
    """Commands of this process are the team's, nobody is at a terminal, and botocore's pauses are short."""
    where, stdin, endpoint = Path.cwd(), sys.stdin, _pauses(botocore.endpoint)
    os.environ["CQ_CONFIG"] = str(team.path)
    os.chdir(team.repository.folder)
    with Path(os.devnull).open(encoding="utf-8") as nobody:
        sys.stdin = nobody
        try:
            with endpoint:
                yield
        finally:
            sys.stdin = stdin
            os.chdir(where)


@contextmanager
def _pauses(endpoint: Any) -> Iterator[None]:
    """botocore's pauses between tries, as much shorter as all waits are."""
    before = endpoint.time
    endpoint.time = SimpleNamespace(sleep=lambda seconds: before.sleep(seconds / PACE))
    try:
        yield
    finally:
        endpoint.time = before
