"""The catalogue of faults: each is what AWS, or the way to it, may do to a call, at the level of HTTP, below boto3."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from coinquery.local.calls import Answer, Call
from tests.chaos.clock import INVOKE_PATIENCE, PATIENCE
from tests.chaos.proxy import LOOKS, Forward, Intervention, Lost
from tests.chaos.throttles import prior_request, refuse, throttled

Fault = Callable[[Call, Forward], Awaitable[Answer]]

#: Seconds for which a slow answer is held back.
SLOW = 0.5


def changes(call: Call) -> bool:
    """Whether the call asks for a change."""
    return not call.operation.startswith(LOOKS)


def _any(_: Call) -> bool:
    return True


def _is_creation(call: Call) -> bool:
    return call.operation == "PutParameter" and not call.parameters.get("Overwrite")


def _is_record_change(call: Call) -> bool:
    return call.operation == "ChangeResourceRecordSets"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it does, to which calls it can happen, and how often in a row to one of them."""

    name: str
    do: Fault
    happens_to: Callable[[Call], bool] = _any
    in_a_row: int = 1
    #: Whether cq may be told of it at all: an answer that was only slow, or paged, stops nothing.
    may_stop: bool = True

    @property
    def is_universal(self) -> bool:
        """Whether it happens to every call."""
        return self.happens_to is _any


async def throttle(call: Call, _: Forward) -> Answer:
    """The service is asked too often."""
    return throttled(call)


async def prior(call: Call, _: Forward) -> Answer:
    """Route 53 works on another change of the zone."""
    return prior_request(call)


async def internal_error(call: Call, _: Forward) -> Answer:
    """HTTP 500."""
    return refuse(call, "InternalFailure", "The request processing has failed because of an unknown error.", 500)


async def unavailable(call: Call, _: Forward) -> Answer:
    """HTTP 503."""
    return refuse(call, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)


async def internal_error_after(call: Call, forward: Forward) -> Answer:
    """HTTP 500, and what was asked was done ("might not have been processed": S3, "Error best practices")."""
    await forward(call)
    return await internal_error(call, forward)


async def lost_before(_: Call, __: Forward) -> Answer:
    """The connection breaks before the call took effect."""
    raise Lost


async def lost_after(call: Call, forward: Forward) -> Answer:
    """The connection breaks after the call took effect."""
    await forward(call)
    raise Lost


async def time_out(call: Call, forward: Forward) -> Answer:
    """The call takes effect; its answer comes when nobody waits any more."""
    answer = await forward(call)
    await _nobody_waits_for(call)
    return answer


async def time_out_before(call: Call, _: Forward) -> Answer:
    """Nobody answers, and the call takes no effect."""
    await _nobody_waits_for(call)
    raise Lost


async def _nobody_waits_for(call: Call) -> None:
    await asyncio.sleep((INVOKE_PATIENCE if call.service == "lambda" else PATIENCE) + 0.5)


async def concurrent(call: Call, _: Forward) -> Answer:
    """SSM works on another change of the parameter; boto3 does not repeat what is refused so."""
    return refuse(call, "TooManyUpdates", "There are concurrent updates for a resource.", 400)


async def slow(call: Call, forward: Forward) -> Answer:
    """The answer takes its time."""
    await asyncio.sleep(SLOW)
    return await forward(call)


async def no_body(call: Call, forward: Forward) -> Answer:
    """A proxy on the way answers in AWS's place, in its own words."""
    await forward(call)
    return Answer(502, b"<html><body>Bad Gateway</body></html>", {"Content-Type": "text/html"})


KINDS = (
    Kind("throttled twice", throttle, in_a_row=2),
    Kind("PriorRequestNotComplete twice", prior, _is_record_change, in_a_row=2),
    Kind("TooManyUpdates twice", concurrent, _is_creation, in_a_row=2),
    Kind("500", internal_error),
    Kind("500 after it took effect", internal_error_after),
    Kind("503 twice", unavailable, in_a_row=2),
    Kind("502 of a proxy, after it took effect", no_body),
    Kind("connection reset before it took effect", lost_before),
    Kind("connection reset after it took effect", lost_after),
    Kind("time-out before it took effect", time_out_before),
    Kind("time-out after it took effect", time_out),
    Kind("slow answer", slow, may_stop=False),
)
#: Faults that don't end: what boto3's repeats don't get past.
LASTING = (
    Kind("throttled for good", throttle),
    Kind("503 for good", unavailable),
    Kind("connection reset for good, each time after it took effect", lost_after),
)


@dataclass
class Noted:
    """Does nothing; ``operations`` are those that were called, in the order of their first calls."""

    operations: dict[tuple[str, str], None] = field(default_factory=dict)

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        self.operations[call.service, call.operation] = None
        return await forward(call)


@dataclass
class First:
    """Does a fault to the first call of each operation, ``in_a_row`` times; ``met`` counts them by operation."""

    kind: Kind
    met: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        key = (call.service, call.operation)
        if self.met[key] >= self.kind.in_a_row or not self.kind.happens_to(call):
            return await forward(call)
        self.met[key] += 1
        return await self.kind.do(call, forward)

    @property
    def operations(self) -> set[tuple[str, str]]:
        """The operations that it happened to."""
        return {key for key, times in self.met.items() if times}


@dataclass
class Always:
    """Does a fault to every call of one operation; ``times`` says how often it did."""

    kind: Kind
    operation: tuple[str, str]
    times: int = 0

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        if (call.service, call.operation) != self.operation:
            return await forward(call)
        self.times += 1
        return await self.kind.do(call, forward)


@dataclass
class Stale:
    """Reads show what AWS had so many seconds ago, if the same was asked then.

    ``services`` are those whose reads lag; without an earlier answer the present one is given.
    """

    seconds: float
    services: frozenset[str]
    late: int = 0
    _seen: dict[tuple[str, ...], list[tuple[float, Answer]]] = field(default_factory=dict)

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        answer = await forward(call)
        if call.service not in self.services or changes(call):
            return answer
        now = asyncio.get_running_loop().time()
        seen = self._seen.setdefault((call.service, call.operation, call.region, call.target, asked(call)), [])
        seen.append((now, answer))
        old = [then for then in seen if then[0] <= now - self.seconds] or seen
        shown = old[-1][1] if old is not seen else seen[0][1]
        self.late += shown.body != answer.body
        return shown


def asked(call: Call) -> str:
    """What a call asks for, but from when on: who looks again asks the same of a later time."""
    return json.dumps({key: value for key, value in call.parameters.items() if key not in ("startTime", "endTime")})


@dataclass
class Skewed:
    """AWS finds the time of each request too far from its own, as it does from 5 minutes on (S3: 15)."""

    times: int = 0

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        self.times += 1
        if call.service == "s3":
            said = "The difference between the request time and the current time is too large."
            return refuse(call, "RequestTimeTooSkewed", said, 403)
        said = "Signature expired: 20261124T130000Z is now earlier than 20261124T130500Z (20261124T131000Z - 5 min.)"
        code = "InvalidSignatureException" if "X-Amz-Target" in call.headers else "SignatureDoesNotMatch"
        return refuse(call, code, said, 403)


def mixed(draw: Callable[[], float], choose: Callable[[list[Kind]], Kind], share: float) -> Intervention:
    """Each call meets a fault of the catalogue with that probability; ``draw`` and ``choose`` are the dice."""

    async def act(call: Call, forward: Forward) -> Answer:
        if draw() >= share:
            return await forward(call)
        return await choose([kind for kind in KINDS if kind.happens_to(call)]).do(call, forward)

    return act
