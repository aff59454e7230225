"""A team with many coins on a stage, and its ``cq`` in processes that a proxy stands before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

from tests.chaos import nursery
from tests.chaos.nursery import PROJECT, Child
from tests.chaos.proxy import Intervention, Proxy, between
from tests.chaos.stage import Stage
from tests.monitored import Background
from tests.teams import REGION, Team, entry
from tests.worlds import World

#: Short waits: what is waited for here comes within a second, or never.
WAITS = {"quiet": "10s", "way_back": "5s", "poll": "1s", "ask": "1s", "record_age": "10m"}
#: How many coins are added at a time; all of them must fit the monitor's configuration, some 30 with the team's.
BATCH = 10


@dataclass
class Ran:
    """A ``cq`` that ended, or was killed (``code`` -9)."""

    code: int
    out: str
    said: str
    seconds: float

    @property
    def is_at_its_end(self) -> bool:
        """Whether it ended well, or is a rollback that is told that it came to its end before."""
        return self.code == 0 or (self.code == 3 and "Nothing is left to do" in self.said)


class Running:
    """A ``cq`` under way; ``on_line`` is told each line that it says, as it says it."""

    def __init__(self, child: Child, on_line: Callable[[str], None]) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []
        self._on_line = on_line
        self._child = child
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._child.code is not None

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._child.kill()

    def end(self, seconds: float = 120) -> Ran:
        """Wait for its end."""
        with self._child.out:
            out = self._child.out.read()
        code = self._child.end(seconds)
        self._reader.join(10)
        return Ran(code, out, "".join(self._lines), time.monotonic() - self._began)

    def _read(self) -> None:
        with self._child.said:
            for line in self._child.said:
                self._lines.append(line)
                self._on_line(line)


@dataclass
class Shop:
    """``background`` runs the proxies; every process's proxy forwards to the world's gateway.

    ``source`` is the folder with the package that the processes run.
    """

    team: Team
    background: Background
    source: Path = PROJECT / "src"
    _numbers: Iterator[int] = field(default_factory=count)
    _free: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, world: World, stage: Stage, root: Path, coins: int) -> Shop:
        """A team of two releases, with so many coins of one instance each."""
        team = Team.form(world, root)
        shop = cls(team, stage.background)
        shop.set_waits(WAITS)
        shop.add_coins(coins)
        return shop

    def add_coins(self, number: int) -> None:
        """Coins that no one has used yet, made known to the monitor by one bootstrap."""
        text = self.team.path.read_text("utf-8")
        own = entry(text, "eth").replace("[coins.eth]\n", "[coins.eth]\ninstances = 1\n", 1)
        tickers = [f"k{next(self._numbers):03}" for _ in range(number)]
        added = [own.replace("coins.eth", f"coins.{ticker}") for ticker in tickers]
        self.team.path.write_text(text + "\n" + "\n".join(added), "utf-8")
        self.team.must("bootstrap", "--region", REGION, "--yes")
        self._free += tickers

    def coin(self) -> str:
        """A coin that no one has used yet."""
        if not self._free:
            self.add_coins(BATCH)
        return self._free.pop(0)

    def forget(self, coin: str) -> None:
        """Take a coin whose stacks are gone out of the configuration; the next bootstrap is without it."""
        text = self.team.path.read_text("utf-8")
        self.team.path.write_text(text.replace(entry(text, coin), ""), "utf-8")

    @contextmanager
    def proxy(self, *interventions: Intervention) -> Iterator[Proxy]:
        """A proxy for one process."""
        state = self.team.world.state
        with between(self.background, state.address(0, 9), state.gateway, *interventions) as proxy:
            yield proxy

    def start(
        self,
        proxy: Proxy,
        *arguments: str,
        on_line: Callable[[str], None] = lambda _: None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Running:
        """The real ``cq`` behind that proxy, its waits ten times shorter."""
        env = {
            **self.team.world.environment,
            "CQ_CONFIG": str(self.team.path),
            "AWS_ENDPOINT_URL": proxy.url,
            **environment,
        }
        return Running(nursery.of(self.source).bear(arguments, self.team.repository.folder, env), on_line)

    def run(
        self,
        *arguments: str,
        interventions: tuple[Intervention, ...] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ran:
        """The same, to its end."""
        with self.proxy(*interventions) as proxy:
            return self.start(proxy, *arguments, environment=environment).end()

    def must(self, *arguments: str) -> Ran:
        """The same, where it must end well."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran.said
        return ran

    def deploy(self, coin: str, release: str = "v1.0.0", *more: str) -> tuple[str, ...]:
        """The words of a deploy to production."""
        return ("deploy", coin, "--release", release, "--region", REGION, "--yes", *more)

    def announcements(self, stack: str) -> list[str]:
        """What Slack was told of a stack, line by line."""
        inbox = self.team.world.state.root / "slack.jsonl"
        return [line for line in inbox.read_text("utf-8").splitlines() if stack in line] if inbox.exists() else []

    def set_waits(self, waits: Mapping[str, str]) -> None:
        """Let the team's waits last so long."""
        head, begin, rest = self.team.path.read_text("utf-8").partition("[waits]\n")
        own, end, others = rest.partition("\n[")
        kept = [line for line in own.split("\n") if line.partition(" =")[0] not in waits]
        lines = [f'{key} = "{value}"' for key, value in waits.items()]
        self.team.path.write_text(f"{head}{begin}" + "\n".join([*lines, *kept]) + f"{end}{others}", "utf-8")
