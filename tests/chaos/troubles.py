"""What may befall a command under way in this process: kills, AWS's faults, and what others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coinquery.local.calls import Answer
from tests.chaos.fault_kinds import asked
from tests.chaos.throttles import throttled

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

    from tests.chaos.wire import Sent, Trouble

#: What may be told late: Route 53's own records are not, and a create-once parameter's absence is.
LATE = ("cloudformation", "ssm", "ec2", "cloudwatch-logs")


@dataclass
class Kill:
    """The command dies before, or right ``after``, its changing call ``at``."""

    at: int
    after: bool

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if sent.changes and sent.change == self.at:
            if self.after:
                sent.send()
            sent.wire.kill()
        return None


@dataclass
class Throttled:
    """So many calls from ``at`` on are too many."""

    at: int
    times: int

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if not self.at <= sent.number < self.at + self.times:
            return None
        return sent.answered(throttled(sent.call))


@dataclass
class Broken:
    """So many calls from ``at`` on are answered with a status of 500 or more."""

    at: int
    times: int
    status: int

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if not self.at <= sent.number < self.at + self.times:
            return None
        return sent.refused("InternalFailure" if self.status == 500 else "ServiceUnavailable", "Try later", self.status)


@dataclass
class Lost:
    """The answer to the call ``at`` does not arrive; ``after`` says whether the call took effect."""

    at: int
    after: bool

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if sent.number != self.at:
            return None
        if self.after:
            sent.send()
        raise sent.lost()


@dataclass
class LostChange:
    """The answer to the changing call ``at`` does not arrive, though it took effect."""

    at: int
    done: bool = False

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if self.done or not sent.changes or sent.change != self.at:
            return None
        self.done = True
        sent.send()
        raise sent.lost()


@dataclass
class Stale:
    """So many reads from ``at`` on are answered as the same question was answered before."""

    at: int
    times: int
    told: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if sent.changes or sent.service not in LATE:
            return None
        key = (str(sent), asked(sent.call))
        if self.at <= sent.number < self.at + self.times and key in self.told:
            return sent.answered(self.told[key])
        answer = sent.send()
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
        kept = Answer(answer.status_code, answer.content, headers)
        if sent.number < self.at:
            self.told.setdefault(key, kept)
        return sent.answered(kept)


@dataclass
class Meanwhile:
    """Right before the changing call ``at``, somebody else acts; what ``harms`` does so before the move is prepared.

    Between the look at the proof and the batch lie some milliseconds that nobody can close, and no claim is made of.
    """

    at: int
    act: Callable[[], None] = field(repr=False)
    harms: bool = False
    done: bool = False

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if not self.done and sent.changes and sent.change == self.at:
            self.done = True
            if not (self.harms and sent.service in ("ssm", "route-53")):
                self.act()
        return None


@dataclass
class Before:
    """Right before the ``turn``-th call of an operation, about a thing whose name has that ``end``, something happens.

    ``act`` None is a kill.
    """

    operation: str
    act: Callable[[], None] | None = field(default=None, repr=False)
    end: str = ""
    turn: int = 1

    def __call__(self, sent: Sent) -> AWSResponse | None:
        if sent.operation != self.operation or not str(sent.call.parameters.get("Name", "")).endswith(self.end):
            return None
        self.turn -= 1
        if self.turn == 0 and self.act is None:
            sent.wire.kill()
        elif self.turn == 0 and self.act is not None:
            self.act()
        return None


def fault(kind: str, at: int, times: int) -> Trouble:
    """The trouble of a kind, from numbers that hypothesis draws."""
    made: dict[str, Callable[[], Trouble]] = {
        "kill before": lambda: Kill(at, after=False),
        "kill after": lambda: Kill(at, after=True),
        "throttle": lambda: Throttled(at * 4, times),
        "broken 500": lambda: Broken(at * 4, times, 500),
        "broken 503": lambda: Broken(at * 4, times, 503),
        "lost before": lambda: Lost(at * 4, after=False),
        "lost change": lambda: LostChange(at),
        "stale": lambda: Stale(at * 4, times),
    }
    return made[kind]()


FAULTS = (
    "kill before", "kill after", "kill before", "kill after", "throttle", "broken 500", "broken 503", "lost before",
    "lost change", "stale",
)  # fmt: skip
