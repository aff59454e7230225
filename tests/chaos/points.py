"""The points at which a command may be killed: before and after each call that changes something, and at each wait."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from coinquery.local.calls import Answer, Call
from tests.chaos.account import plain
from tests.chaos.proxy import LOOKS, Forward, Lost, subject
from tests.chaos.shop import Running, Shop

BEFORE, AFTER, LINE = "before", "after", "at"
#: Calls whose number varies from run to run: as many are tried in each step.
VARYING, TRIED = "lambda:Invoke", 2
#: Lines that say that a step ended: the next one's begin is the same moment.
_LINE = re.compile(r"\d\d:\d\d:\d\dZ  (?P<step>[^:]+): (?P<text>.*)")
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_UNTIL = re.compile(r"begins, until .* at most")


@dataclass(frozen=True, order=True)
class Point:
    """One moment of a command: its ``nth`` (from 1) call or line of that name; ``moment`` says on which side of it.

    A run that is carried on counts from 1 again.
    """

    moment: str
    name: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.moment} {self.name}" + (f" #{self.nth}" if self.nth > 1 else "")


class Watch:
    """Stands between one process and AWS and hears what it says; notes the points passed, and kills at one of them.

    ``zones`` gives hosted zones' ids names that are the same in every world.
    """

    def __init__(self, shop: Shop, coin: str, kill_at: Point | None = None) -> None:
        self.passed: list[Point] = []
        self.reached = False
        self._coin = coin
        self._kill_at = kill_at
        self._zones = _zones(shop)
        self._slack = shop.team.world.state.slack
        self._step = ""
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._started = threading.Event()
        #: Where Slack's proxy is, once there is one.
        self.slack_url = ""

    def watch(self, running: Running) -> None:
        """The process that is meant."""
        self._running = running
        self._started.set()

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        """Note a call that changes something on both its sides."""
        name = self._named(call)
        if call.operation.startswith(LOOKS):
            return self._with_our_slack(call, await forward(call))
        if self._pass(BEFORE, name):
            raise Lost
        answer = await forward(call)
        if self._pass(AFTER, name):
            raise Lost
        return answer

    def on_line(self, line: str) -> None:
        """Note a line that says what begins or is waited for."""
        found = _LINE.match(line)
        if found is None or found["text"].startswith(("done in ", "warning: ")):
            return
        self._step = found["step"]
        text = _UNTIL.sub("begins", found["text"])
        self._pass(LINE, f"{found['step']}: {plain(text, self._coin)}")

    def _pass(self, moment: str, name: str) -> bool:
        """Count a point; kill if it is the one."""
        with self._lock:
            if self.reached:
                return True
            self._seen[moment, name] += 1
            point = Point(moment, name, self._seen[moment, name])
            self.passed.append(point)
            self.reached = point == self._kill_at
        if self.reached:
            self._started.wait(30)
            assert self._running is not None
            self._running.kill()
        return self.reached

    def _named(self, call: Call) -> str:
        if call.service == "?":
            return "slack"
        about = subject(call)
        if call.operation == "Invoke":
            about = f"while {self._step}"
        if call.operation == "PutLogEvents":
            about = f"{about}: {_line_written(call)}"
        if call.operation == "DeleteParameters":
            about = " ".join(call.parameters["Names"])
        for zone, name in self._zones.items():
            about = about.replace(zone, name)
        return _COMMIT.sub("COMMIT", plain(f"{call.service}:{call.operation} {about}".strip(), self._coin))

    def _with_our_slack(self, call: Call, answer: Answer) -> Answer:
        """The webhook's address leads to Slack by way of us."""
        if call.operation != "GetSecretValue" or not self.slack_url:
            return answer
        return replace(answer, body=answer.body.replace(self._slack.encode(), self.slack_url.encode()))


def worth_a_kill(passed: Iterable[Point]) -> Iterator[Point]:
    """The points of a run at which it is to be killed: each, but of calls whose number varies only the first few.

    What a step says that it waits for is one point, however often it says so; that it begins is one each time.
    """
    for point in passed:
        is_said_again = point.moment == LINE and point.nth > 1 and not point.name.endswith(": begins")
        is_one_of_many = VARYING in point.name and point.nth > TRIED
        if not is_said_again and not is_one_of_many:
            yield point


def _line_written(call: Call) -> str:
    """What a line of the journal says, in short."""
    (event,) = call.parameters["logEvents"]
    line = json.loads(event["message"])
    return f"{line['what']}: {line['result']}"


def _zones(shop: Shop) -> Mapping[str, str]:
    levels = shop.team.config.levels.values()
    return {level.public_zone: "public" for level in levels} | {
        level.private_zone: "private" for level in levels if level.private_zone
    }
