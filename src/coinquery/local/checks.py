"""Repeated questions about what runs: health checks of targets and of containers, each with its own rhythm."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

Question = Callable[[], bool]


@dataclass(frozen=True)
class Check:
    """A question that is true while all is well. Times are in seconds; ``after`` is the time before the first one."""

    ask: Question
    interval: float
    passes: int
    fails: int
    after: float


class Checker:
    """Asks questions of many things, each known by a key, and remembers what the answers come to."""

    def __init__(self) -> None:
        self._watched: dict[object, _Watched] = {}

    def watch(self, checks: Mapping[object, Check]) -> None:
        """Ask what is due, of these things only; what is no longer among them is forgotten."""
        self._watched = {key: self._watched.get(key) or _Watched(check.after) for key, check in checks.items()}
        for key, watched in self._watched.items():
            watched.poll(checks[key])

    def state(self, key: object) -> str:
        """``initial``, ``healthy`` or ``unhealthy``. As on AWS, one passed check ends ``initial``."""
        return self._watched[key].state if key in self._watched else "initial"

    def forget(self, key: object) -> None:
        """Begin anew with this thing."""
        self._watched.pop(key, None)


class _Watched:
    def __init__(self, after: float) -> None:
        self.state = "initial"
        self._due = time.monotonic() + after
        self._answer: Future[bool] | None = None
        self._row: tuple[bool, int] = (True, 0)

    def poll(self, check: Check) -> None:
        if self._answer is not None and self._answer.done():
            self._count(check, self._answer.result())
            self._answer = None
        if self._answer is None and time.monotonic() >= self._due:
            self._due = time.monotonic() + check.interval
            self._answer = _asked(check.ask)

    def _count(self, check: Check, passed: bool) -> None:
        was, length = self._row
        length = length + 1 if was == passed else 1
        self._row = (passed, length)
        if passed and (self.state == "initial" or length >= check.passes):
            self.state = "healthy"
        elif not passed and length >= check.fails:
            self.state = "unhealthy"


def _asked(question: Question) -> Future[bool]:
    """The answer to come, from a thread that keeps nobody from ending."""
    answer: Future[bool] = Future()
    threading.Thread(target=lambda: answer.set_result(question()), daemon=True).start()
    return answer


def over_http(address: str, port: int, path: str, codes: str, timeout: float) -> Question:
    """Whether GET answers in time with one of the status codes (``200``, ``200,202`` or ``200-299``)."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(address, port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        ranges = (part.partition("-") for part in codes.split(","))
        return any(int(first) <= status <= int(last or first) for first, _, last in ranges)

    return ask


def by_command(command: Sequence[str], environment: Mapping[str, str], timeout: float) -> Question:
    """Whether a command ends in time with exit code 0."""

    def ask() -> bool:
        try:
            ended = subprocess.run(
                command, env=environment, timeout=timeout, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return ended.returncode == 0

    return ask
