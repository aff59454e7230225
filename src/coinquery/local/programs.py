"""Programs that stand for containers and load balancers: started, watched, ended, and found again after a crash.

Each carries its world and its name in its environment, so that a new controller finds what an old one left
(Linux: read from ``/proc``). Each leads a process group of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coinquery.local.state import State
from coinquery.local.supervisor import MARK

NAME = "CQ_LOCAL_PROGRAM"
#: How long a program may take to end after SIGTERM, and the pause before a restart, in seconds.
STOP_TIMEOUT, FIRST_PAUSE, LONGEST_PAUSE = 5.0, 0.5, 30.0


@dataclass(frozen=True)
class Program:
    """What to run. ``name`` is ``owner/part``; its output goes to ``logs/owner/part.log`` of the world."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Attempts:
    """When a program was last started, and how long to wait before the next start."""

    started: float = -LONGEST_PAUSE
    pause: float = FIRST_PAUSE


class Programs:
    """The running programs of one world; those that an earlier controller left are taken over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._running = _left(state)
        self._ending: dict[str, tuple[int, float]] = {}
        self._attempts: dict[str, _Attempts] = {}
        self._children: list[subprocess.Popen[bytes]] = []

    def keep(self, wanted: Mapping[str, Program]) -> None:
        """Start what is wanted and doesn't run, later each time it ends soon; end what runs and isn't wanted."""
        self._reap()
        for name in self._running.keys() - wanted.keys():
            self.end(name)
            self._attempts.pop(name, None)
        for name in wanted.keys() - self._running.keys() - self._ending.keys():
            self._start(wanted[name])

    def end(self, name: str) -> None:
        """Ask a program to end; it is killed if it takes too long."""
        pid = self._running.pop(name, None)
        if pid is not None:
            self._ending[name] = (pid, time.monotonic() + STOP_TIMEOUT)
            _signal(pid, signal.SIGTERM)

    def runs(self, owner: str) -> bool:
        """Whether any program of this owner runs or is still ending."""
        return any(name.startswith(f"{owner}/") for name in (*self._running, *self._ending))

    def end_all(self) -> None:
        """End everything and wait until it is gone."""
        for name in list(self._running):
            self.end(name)
        while self._ending:
            self._reap()
            time.sleep(0.02)

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]
        self._running = {name: pid for name, pid in self._running.items() if _name(pid) == name}
        self._ending = {name: (pid, limit) for name, (pid, limit) in self._ending.items() if _name(pid) == name}
        for pid, limit in self._ending.values():
            if time.monotonic() > limit:
                _signal(pid, signal.SIGKILL)

    def _start(self, program: Program) -> None:
        attempts, now = self._attempts.setdefault(program.name, _Attempts()), time.monotonic()
        if now - attempts.started < attempts.pause:
            return
        lasted = now - attempts.started >= LONGEST_PAUSE
        attempts.pause = FIRST_PAUSE if lasted else min(2 * attempts.pause, LONGEST_PAUSE)
        attempts.started = now
        owner, _, part = program.name.partition("/")
        world = {MARK: str(self._state.root.resolve()), NAME: program.name}
        with (self._state.folder(f"logs/{owner}") / f"{part}.log").open("ab") as log:
            child = subprocess.Popen(
                program.command,
                cwd=self._state.root,
                env={"PATH": os.defpath, **program.environment, **world},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        self._running[program.name] = child.pid


def _left(state: State) -> dict[str, int]:
    mark = f"{MARK}={state.root.resolve()}".encode()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {name: pid for pid in pids if (name := _name(pid)) and mark in _environment(pid)}


def _name(pid: int) -> str:
    """The name of a program that a controller started; empty for any other process and for one that has ended."""
    given = (entry for entry in _environment(pid) if entry.startswith(f"{NAME}=".encode()))
    return next(given, b"").decode().partition("=")[2]


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
