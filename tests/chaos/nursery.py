"""Where the processes of ``cq`` come from: one that has imported all that they need forks a child for each command.

To start Python, import boto3 and read its models takes longer than most commands do. A child is a process of its own,
as killable as any, which has read nothing yet of its folder, its environment and AWS.
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

import botocore
from botocore.loaders import Loader

import coinquery
from coinquery.cli import run
from tests.chaos.clock import from_environment, quicken_boto3

PROJECT = Path(__file__).parents[2]
#: Parts of the package that ``cq`` needs for none of the commands that are run here.
LEFT_OUT = ("coinquery.local", "coinquery.service")
SERVICES = (
    "acm", "autoscaling", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "lambda", "logs",
    "route53", "s3", "secretsmanager", "sns", "ssm", "sts",
)  # fmt: skip
ALSO = ("rich.console", "rich.table", "rich.tree", "rich.live", "dns.message", "dns.query", "asyncio", "aiohttp")
LONGEST = 1 << 20


class Child:
    """A ``cq`` under way; what it writes comes by ``out`` and ``said``."""

    def __init__(self, out: IO[str], said: IO[str], state: IO[str]) -> None:
        self.out = out
        self.said = said
        self.code: int | None = None
        self._pid = int(state.readline())
        self._waiter = threading.Thread(target=self._wait, args=(state,), daemon=True)
        self._waiter.start()

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def end(self, seconds: float) -> int:
        """Its exit code, of a signal as less than 0; raise TimeoutError, and kill it, if it does not come."""
        self._waiter.join(seconds)
        if self.code is None:
            self.kill()
            raise TimeoutError(f"a process did not end within {seconds:g} s")
        return self.code

    def _wait(self, state: IO[str]) -> None:
        self.code = int(state.readline())


class Nursery:
    """Children that run the package in one folder."""

    def __init__(self, source: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line = ours
        subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery", str(theirs.fileno())],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": f"{source}:{PROJECT}"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def bear(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Child:
        """A ``cq`` with these words."""
        pipes = [os.pipe() for _ in range(3)]
        request = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
        socket.send_fds(self._line, [request], [write for _, write in pipes])
        for _, write in pipes:
            os.close(write)
        out, said, state = (os.fdopen(read, encoding="utf-8") for read, _ in pipes)
        return Child(out, said, state)


@cache
def of(source: Path) -> Nursery:
    """The nursery of a folder."""
    return Nursery(source)


def _warm() -> None:
    """Import and read what any command may need."""
    for found in pkgutil.walk_packages(coinquery.__path__, "coinquery."):
        if not found.name.startswith(LEFT_OUT) and not found.name.endswith("__main__"):
            import_module(found.name)
    for name in ALSO:
        import_module(name)
    loader = Loader()
    botocore.register_initializer(lambda session: session.register_component("data_loader", loader))
    import boto3

    session = boto3.session.Session("nobody", "nothing", region_name="us-east-1")
    for service in SERVICES:
        client = session.client(service)  # type: ignore[call-overload]
        with suppress(Exception):
            client.get_paginator("")


def _keep(request: bytes, descriptors: Sequence[int]) -> None:
    """Fork the child, tell its id, wait for it, and tell how it ended."""
    out, said, state = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(state)
        _live(request, out, said)
    os.close(out)
    os.close(said)
    os.write(state, f"{child}\n".encode())
    _, ended = os.waitpid(child, 0)
    os.write(state, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _live(request: bytes, out: int, said: int) -> None:
    """Be the child."""
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(said, 2)
        arguments, folder, environment = json.loads(request)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        quicken_boto3(10.0)
        code = run(arguments, from_environment())
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork a child for each request, until nobody is left who could ask."""
    line = socket.socket(fileno=int(sys.argv[1]))
    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, LONGEST, 3)
        if not request:
            return
        if os.fork() == 0:
            line.close()
            _keep(request, descriptors)
        for each in descriptors:
            os.close(each)


if __name__ == "__main__":
    main()
