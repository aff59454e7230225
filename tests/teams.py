"""A team for tests: a bootstrapped account, a repository with releases, coins of its own, and the real ``cq``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coinquery import config
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.config import Config
from coinquery.dns.names import Names
from coinquery.local import images
from coinquery.local.demo.repository import Repository
from coinquery.rollout.means import gather
from coinquery.rollout.rollout import Means
from coinquery.stacks import stack as stacks
from coinquery.stacks.stack import Stack
from tests.worlds import World

REGION, TEST_REGION = "us-east-1", "us-west-2"
RELEASES = ("v1.0.0", "v1.1.0")


def entry(text: str, coin: str) -> str:
    """The part of a configuration that is a coin's."""
    found = re.search(rf"^\[coins\.{coin}\]$.*?(?=^\[(?!\[?coins\.{coin})|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@dataclass
class Team:
    """``path`` is its cq.toml, which tests add coins to; every coin has names of its own below example.com."""

    world: World
    path: Path
    repository: Repository
    commits: dict[str, str] = field(default_factory=dict)

    @classmethod
    def found(cls, world: World, root: Path) -> Team:
        """Write the configuration and make a repository; the account is as it is."""
        path = root / "cq.toml"
        path.write_text((world.state.root / "cq.toml").read_text("utf-8"), "utf-8")
        return cls(world, path, Repository.create(root))

    @classmethod
    def form(cls, world: World, root: Path) -> Team:
        """The same with two releases, and their images in the regions that tests use."""
        team = cls.found(world, root)
        for tag in RELEASES:
            team.repository.change(f"The change of {tag}")
            team.must("release", "create", "eth", tag)
            team.commits[tag] = team.repository.head()
            team.build(team.commits[tag])
        return team

    def build(self, commit: str, under: str | None = None) -> str:
        """The pipeline's part: the image of a commit, in each region; ``under`` registers it as another commit's."""
        for region in (TEST_REGION, REGION):
            uri = images.build_service(self.world.state, region, self.repository.folder, commit)
            if under is not None:
                _retag(self.world.aws, region, commit, under)
        return uri

    def coin(self, ticker: str, node: str = "", follows: bool = True, **fields: object) -> str:
        """Add a coin that is eth with one instance: ``node`` is added to its node's command."""
        text = self.path.read_text("utf-8")
        own = entry(text, "eth").replace("coins.eth", f"coins.{ticker}")
        head, *containers = own.split(f"[[coins.{ticker}.containers]]")
        head += "".join(f"{key} = {json.dumps(value)}\n" for key, value in {"instances": 1, **fields}.items())
        if node:
            containers[0] = containers[0].replace("--no-mining", f"--no-mining {node}")
        kept = containers if follows else containers[:1]
        parts = [head, *(f"[[coins.{ticker}.containers]]{container}" for container in kept)]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + "".join(parts))
        self.must("bootstrap", "--region", REGION, "--yes")
        return ticker

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The real ``cq``, in the team's repository."""
        return subprocess.run(
            [sys.executable, "-m", "coinquery.cli", *arguments],
            cwd=self.repository.folder,
            env={**self.world.environment, "CQ_CONFIG": str(self.path), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "coinquery.cli", *arguments],
            cwd=self.repository.folder,
            env={**self.world.environment, "CQ_CONFIG": str(self.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def must(self, *arguments: str) -> str:
        """What ``cq`` prints, where it must end well."""
        ran = self.run(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def deploy(self, coin: str, release: str, *more: str) -> dict[str, Any]:
        """Deploy to production, to the end."""
        printed = self.must("deploy", coin, "--release", release, "--region", REGION, "--yes", "--json", *more)
        return dict(json.loads(printed))

    @property
    def config(self) -> Config:
        """The configuration as it is now."""
        return config.load(str(self.path))

    def means(self, coin: str, level: str = "prod") -> Means:
        """What the team's own steps would work with."""
        return gather(self.world.aws, self.config, SystemClock(), coin, level)

    def names(self, coin: str, level: str = "prod") -> Names:
        """The coin's records."""
        return Names(self.world.aws.route53(), self.config.level(level), coin)

    def stack(self, name: str, region: str = REGION) -> Stack | None:
        """A stack as AWS has it."""
        from coinquery import naming

        return stacks.read(self.world.aws.cloudformation(region), naming.parse(name))

    def first_two(self, coin: str) -> tuple[Stack, Stack]:
        """The coin's first two stacks in production."""
        old, new = (self.stack(f"cq-{coin}-000{number}-prod") for number in (1, 2))
        assert old is not None
        assert new is not None
        return old, new


def _retag(aws: Aws, region: str, commit: str, under: str) -> None:
    ecr = aws.ecr(region)
    (image,) = ecr.batch_get_image(repositoryName="coinquery/service", imageIds=[{"imageTag": commit}])["images"]
    ecr.put_image(repositoryName="coinquery/service", imageManifest=image["imageManifest"], imageTag=under)
