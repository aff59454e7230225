"""Fuzzing of ``cq``: whole commands in this process, against a local AWS, with what nobody should have written.

A command that is run here must end with an exit code of its own, say what is wrong in one message, show no traceback,
and, if it did not end well or only looks, change nothing: the gateway's log of calls tells.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from coinquery import cli, config
from coinquery.aws import Aws
from coinquery.local import images
from coinquery.local import world as local_world
from coinquery.local.demo.repository import Repository
from coinquery.local.state import State
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.stacks.foundation import HOME_PARAMETER, JOURNAL_LOG_GROUP, MONITOR_STACK, NETWORK_STACK
from tests.chaos.proxy import LOOKS
from tests.worlds import free_state

#: How many times more examples there are where the profile ``chaos`` is loaded.
CHAOS = 10
HOME, RELEASE = "us-east-1", "v1.0.0"
NETWORK_OUTPUTS = (
    "VpcId", "NodeSubnets", "LoadBalancerSubnets", "PrivateSubnets", "NodesPublic", "MonitorSecurityGroup",
    "ArtifactBucket",
)  # fmt: skip
#: Log streams and their lines are evidence, and come before the change that they tell of.
EVIDENCE = ("PutLogEvents", "CreateLogStream")

#: Texts that broke something somewhere, once.
NASTY = (
    "", " ", "\t", "\n", "-", "--", "--yes", "-h", "-1", "0", "00001", "10000", "1e3", "NaN", "null", "None", "true",
    "[]", "{}", "{", '"', "'", "\\", "\\x00", "%s", "{0}", "{coin}", "$(id)", "`id`", "; ls", "../..", "/", "//", "~",
    "*", "?", "[", "cq-eth-0001-prod", "cq-eth-0001-prod\n", "cq-eth-0000-prod", "cq-eth-00001-prod",
    "CQ-ETH-0001-PROD", "cq-éth-0001-prod", "cq-eth-\u0660\u0660\u0660\u0661-prod", "cq-eth-0001-", "cq--0001-prod",
    "eth", "ETH", "eth ", "xyz", "prod", "stage", "us-east-1", "us-east-1a", "eu-west-1", "aa-bbbb-1", "HEAD",
    "HEAD^", "@{-1}", "master..HEAD", "refs/heads/master", "v1.0.0", "v1.0.0^{}", "--upload-pack=x", ":", "::1",
    "[::1]:80", "[::", "1.2.3.4", "1.2.3.4:99999", "999.1.1.1", "http://", "http://[", "https://x:y@z:0/",
    "http://eth.example.com:nan", "eth.example.com", ".", "..", "a.b", "i-0", "i-0123456789abcdef0",
    "vol-0123456789abcdef0", "snap-0123456789abcdef0", "0" * 40, "abcdef0", "a" * 300, "é" * 70, "\udcff",
    "\udc80abc", "\u202e", "\ufeff", "\x1b[31m", "\x7f", "🦀", "1s", "0s", "999999d", "-1s", "1 s", "\U0001d7d9s",
)  # fmt: skip

#: Arguments as a kernel may hand them over: any bytes but NUL; those that are no UTF-8 come as lone surrogates.
_undecoded = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])
_text = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
words = st.sampled_from(NASTY) | st.text(_text | _undecoded, max_size=12)

#: Values as anybody may have put them into AWS by hand: no lone surrogates, nothing that the API itself refuses.
plain = st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="<>&"), min_size=1, max_size=30)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=6,
)


def examples(number: int) -> Callable[[Any], Any]:
    """So many examples; more where the profile ``chaos`` is loaded."""
    chosen = number * CHAOS if os.environ.get("HYPOTHESIS_PROFILE") == "chaos" else number
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=chosen, suppress_health_check=checks)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str
    changes: tuple[str, ...]


@dataclass
class Fuzzed:
    """A world of its own, a repository to stand in, and ``cq`` in this process."""

    state: State
    aws: Aws
    folder: Path

    @property
    def configuration(self) -> str:
        """The world's ``cq.toml``."""
        return (self.state.root / "cq.toml").read_text("utf-8")

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of its configuration."""
        return config.load(str(self.state.root / "cq.toml")).regions

    def stack(
        self,
        region: str,
        name: str,
        outputs: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """A stack that holds next to nothing and says what it is told to say."""
        body = {
            "Parameters": {key: {"Type": "String"} for key in parameters or {}},
            "Resources": {"Nothing": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}},
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        self.aws.cloudformation(region).create_stack(
            StackName=name,
            TemplateBody=json.dumps(body),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )

    def run(self, *arguments: str) -> Ran:
        """Run a command, and hold it to what every command promises."""
        seen = self._log.stat().st_size
        out = io.TextIOWrapper(io.BytesIO(), "utf-8")
        err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.run(list(arguments))
        ran = Ran(code, _whole(out), _whole(err), tuple(self._changes(seen)))
        _check(ran, arguments)
        _count(arguments)
        return ran

    def looks(self, *arguments: str) -> Ran:
        """Run a command that only looks: whatever comes of it, it changes nothing."""
        ran = self.run(*arguments)
        assert not ran.changes, f"cq {arguments} changed something: {ran.changes}"
        return ran

    @property
    def _log(self) -> Path:
        return self.state.calls

    def _changes(self, seen: int) -> Iterator[str]:
        with self._log.open("rb") as file:
            file.seek(seen)
            for line in file:
                operation = str(json.loads(line)["operation"])
                if not operation.startswith(LOOKS) and operation not in EVIDENCE:
                    yield operation


def _furnish(it: Fuzzed, repository: Repository) -> None:
    """What ``cq bootstrap`` brings, as far as commands read it, and one release with its image."""
    for region in it.regions:
        it.aws.ssm(region).put_parameter(Name=HOME_PARAMETER, Value=HOME, Type="String")
        it.stack(region, NETWORK_STACK, outputs=dict.fromkeys(NETWORK_OUTPUTS, "x"))
        it.stack(region, MONITOR_STACK)
        it.aws.logs(region).create_log_group(logGroupName=LOG_GROUP)
    it.aws.logs(HOME).create_log_group(logGroupName=JOURNAL_LOG_GROUP)
    assert cli.run(["release", "create", "eth", RELEASE]) == 0
    images.build_service(it.state, HOME, it.folder, repository.head())
    (it.folder / "UNCOMMITTED").write_text("so that no other release is made", "utf-8")


def _count(arguments: tuple[str, ...]) -> None:
    """Note the command that was run, where somebody wants to know how many there were."""
    if counts := os.environ.get("CHAOS_COMMANDS"):
        name = next((word for word in arguments if word in cli.COMMANDS), "none")
        with Path(counts).open("a", encoding="utf-8") as file:
            file.write(name + "\n")


def _check(ran: Ran, arguments: tuple[str, ...]) -> None:
    told = f"cq {arguments} exited {ran.code}:\n{ran.err}"
    assert ran.code in (0, 1, 2, 3, 4), told
    assert "Traceback" not in ran.err, told
    assert "defect of cq" not in ran.err, told
    if ran.code == 0:
        return
    said = [line for line in ran.err.splitlines() if line.startswith(("cq: ", "Error: ", "Usage: "))]
    assert said, f"nothing said: {told}"
    assert not ran.changes, f"{told}\nand changed something: {ran.changes}"


def _whole(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@contextmanager
def fuzzed(root: Path) -> Iterator[Fuzzed]:
    """A world for fuzzing, gone at the end; clients are made once, as each takes longer than what is asked of it."""
    before, here = dict(os.environ), Path.cwd()
    with free_state(root / "world") as state, pytest.MonkeyPatch.context() as patch:
        try:
            local_world.up(state, lambda _: None)
            kept = Aws()
            make = cache(kept._make)
            patch.setattr(Aws, "_make", lambda _, service, region: make(service, region))
            repository = Repository.create(root)
            it = Fuzzed(state, kept, repository.folder)
            os.chdir(it.folder)
            _furnish(it, repository)
            yield it
        finally:
            os.chdir(here)
            local_world.down(state)
            os.environ.clear()
            os.environ.update(before)
