"""Start, watch and stop the programs of one local world (Linux: processes are found through ``/proc``).

Every program is started with the world's mark in its environment, which its children inherit. So all that belongs to
a world is found without a record that a crash could lose or a recycled process id could spoil.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coinquery.errors import LocalAwsBroken
from coinquery.local import ports
from coinquery.local.state import Component, State

MARK = "CQ_LOCAL_WORLD"
START_TIMEOUT, STOP_TIMEOUT, POLL = 30.0, 5.0, 0.02
#: What a program gets of the caller's environment: nothing that leads to a real account or a proxy.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "USER")


class Started(msgspec.Struct, frozen=True):
    """The record of one component: its process id and the address at which it listens."""

    name: str
    pid: int
    listens: str


@dataclass(frozen=True)
class Health:
    """What became of a component: ``problem`` is empty while it runs and accepts connections."""

    name: str
    pid: int
    listens: str
    problem: str


class Supervisor:
    """The programs of one world."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._mark = f"{MARK}={state.root.resolve()}".encode()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, components: Sequence[Component]) -> None:
        """Start programs and wait until all of them listen.

        Raises PortInUse before anything is started, LocalAwsBroken if one of them does not come up.
        """
        for component in components:
            if component.listens:
                ports.require_free(component.name, component.listens)
        for component in components:
            self._note(Started(component.name, self._spawn(component), component.listens))
        for component in components:
            self._await(component)

    def stop(self) -> int:
        """End every program of this world; return how many there were. Bounded: what ignores SIGTERM is killed."""
        found: set[int] = set()
        deadline = time.monotonic() + STOP_TIMEOUT
        while pids := set(self._processes()):
            late = time.monotonic() > deadline
            for pid in pids if late else pids - found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            found |= pids
            time.sleep(POLL)
        for child in self._children.values():
            child.wait()
        self._children.clear()
        self._record.unlink(missing_ok=True)
        return len(found)

    def health(self) -> list[Health]:
        """Every component that was started, and what is wrong with it; empty where the world is down."""
        alive = set(self._processes())
        return [Health(c.name, c.pid, c.listens, _problem(c, alive)) for c in self._started()]

    @property
    def _record(self) -> Path:
        return self._state.root / "processes.json"

    def _started(self) -> list[Started]:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=list[Started])
        except (FileNotFoundError, msgspec.DecodeError):
            return []

    def _note(self, started: Started) -> None:
        fresh = self._record.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode([*self._started(), started]))
        fresh.replace(self._record)

    def _spawn(self, component: Component) -> int:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        own = {"TMPDIR": str(self._state.folder("tmp")), "PYTHONUNBUFFERED": "1", MARK: str(self._state.root.resolve())}
        with self._log(component.name).open("wb") as log:
            child = subprocess.Popen(
                component.command,
                cwd=self._state.root,
                env={**inherited, **component.environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[component.name] = child
        return child.pid

    def _await(self, component: Component) -> None:
        child = self._children[component.name]
        deadline = time.monotonic() + START_TIMEOUT
        while component.listens and not ports.answers(component.listens):
            if child.poll() is not None or time.monotonic() > deadline:
                said = self._log(component.name).read_text(errors="replace").strip()[-600:]
                ended = "ended" if child.returncode is not None else "does not listen"
                raise LocalAwsBroken(
                    f"{component.name} {ended} while starting; it said: {said or 'nothing'}",
                    f"Its log is {self._log(component.name)}. Mend what it says; then cq local down, and up.",
                )
            time.sleep(POLL)

    def _log(self, name: str) -> Path:
        return self._state.folder("logs") / f"{name}.log"

    def _processes(self) -> Iterator[int]:
        """The ids of all living processes that carry this world's mark, this one aside."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if self._mark in (entry / "environ").read_bytes().split(b"\0"):
                        yield int(entry.name)


def _problem(component: Started, alive: set[int]) -> str:
    if component.pid not in alive:
        return "its process is gone"
    reached = not component.listens or ports.answers(component.listens)
    return "" if reached else f"it does not answer at {component.listens}"
