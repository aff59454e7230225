"""What to conclude of one instance, from data alone: evidence in, judgement out.

The first check of ``PRECEDENCE`` that has something to say decides:

    malformed     it answered what is no answer
    unreachable   it, or the node behind it, did not answer, and its grace is over
    wrong-chain   its chain, or the hash of a block below the head, is not the network's
    wrong-commit  it does not run the release that it is tagged with
    unprotected   its stack's termination protection or stack policy is off
    starting      it does not answer, and its grace is not over
    unknown       there is no head to compare it with, or it is far ahead of the head
    starting, syncing, lagging   it is behind: within its grace, catching up, or neither
    unknown       something that a healthy instance must show could not be seen
    healthy

So nothing is healthy because a question had no answer (I13), and nothing wrong is hidden by an instance being new.
What the sweep did not get to is ``unknown`` without evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from coinquery.monitor.configuration import Watched
from coinquery.monitor.head import Head, Height

Verdict = Literal[
    "healthy",
    "starting",
    "syncing",
    "stalled",
    "lagging",
    "wrong-chain",
    "wrong-commit",
    "unprotected",
    "filling",
    "unreachable",
    "malformed",
    "unknown",
]


class Failure(msgspec.Struct, frozen=True):
    """Why an instance could not be seen in full: no answer, or no usable one."""

    kind: Literal["unreachable", "malformed"]
    what: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance showed. None is "it did not show"; it never stands for 0 or false.

    ``chain`` is the chain id or the hash of block 0, ``anchor`` the hash that the node has at the head's anchor height,
    ``syncing`` what the node says of itself, ``health`` what ``/health`` answered (kept, not believed).
    """

    release: str | None = None
    commit: str | None = None
    client: str | None = None
    chain: str | None = None
    height: Height | None = None
    block_time: datetime | None = None
    syncing: bool | None = None
    anchor: str | None = None
    health: str | None = None


class Sighting(msgspec.Struct, frozen=True):
    """What an earlier record of the same instance says: when, its height, and the head then."""

    time: datetime
    height: Height
    head: Height | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a judgement rests on.

    ``unprotected`` names what of the stack's protection is off; None is "AWS did not say".
    """

    now: datetime
    launched: datetime
    coin: Watched
    expected_commit: str
    unprotected: tuple[str, ...] | None
    head: Head
    seen: Seen = Seen()
    failure: Failure | None = None
    previous: Sighting | None = None

    @property
    def in_grace(self) -> bool:
        """Whether the instance is young enough that not answering and being behind are no fault."""
        return (self.now - self.launched).total_seconds() < self.coin.grace

    @property
    def lag_blocks(self) -> int | None:
        """Blocks behind the head; 0 where level or ahead."""
        if self.seen.height is None or self.head.height is None:
            return None
        return max(0, self.head.height - self.seen.height)

    @property
    def lag_seconds(self) -> int | None:
        """Seconds behind the head: between the two blocks' times, or the coin's block time for each block."""
        blocks = self.lag_blocks
        if not blocks:
            return blocks
        if self.head.time is not None and self.seen.block_time is not None:
            return max(0, round((self.head.time - self.seen.block_time).total_seconds()))
        return round(blocks * self.coin.block_time)

    @property
    def age(self) -> int | None:
        """Seconds since the node's best block."""
        return None if self.seen.block_time is None else round((self.now - self.seen.block_time).total_seconds())

    @property
    def rate(self) -> float | None:
        """Blocks a second that the node gained since the earlier sighting."""
        if self.previous is None or self.seen.height is None or self.now <= self.previous.time:
            return None
        return (self.seen.height - self.previous.height) / (self.now - self.previous.time).total_seconds()

    @property
    def eta_seconds(self) -> int | None:
        """Seconds until the node has caught up, at the rate at which it gains on the chain; None if it does not."""
        gain = (self.rate or 0) - 1 / self.coin.block_time
        return round(self.lag_blocks / gain) if self.lag_blocks and gain > 0 else None


class Judgement(msgspec.Struct, frozen=True):
    """A verdict and one sentence that gives the values it rests on."""

    verdict: Verdict
    reason: str


def judge(evidence: Evidence) -> Judgement:
    """Conclude what can be concluded, in the order of ``PRECEDENCE``."""
    for check in PRECEDENCE:
        judgement = check(evidence)
        if judgement is not None:
            return judgement
    return Judgement("healthy", _in_step(evidence))


def _malformed(e: Evidence) -> Judgement | None:
    return Judgement("malformed", e.failure.what) if e.failure and e.failure.kind == "malformed" else None


def _unreachable(e: Evidence) -> Judgement | None:
    return Judgement("unreachable", e.failure.what) if e.failure and not e.in_grace else None


def _wrong_chain(e: Evidence) -> Judgement | None:
    if e.seen.chain is not None and e.seen.chain != e.coin.chain:
        return Judgement("wrong-chain", f"its chain is {e.seen.chain}, the coin's is {e.coin.chain}")
    anchor = e.head.anchor
    if anchor is not None and e.seen.anchor is not None and e.seen.anchor != anchor.hash:
        return Judgement(
            "wrong-chain",
            f"its block {anchor.height} is {e.seen.anchor}, the network's is {anchor.hash}",
        )
    return None


def _wrong_commit(e: Evidence) -> Judgement | None:
    shown = e.failure is None or e.seen.commit is not None
    if not shown or not e.expected_commit or e.seen.commit == e.expected_commit:
        return None
    return Judgement(
        "wrong-commit", f"it runs commit {e.seen.commit or 'unknown'}, its stack is tagged {e.expected_commit}"
    )


def _unprotected(e: Evidence) -> Judgement | None:
    return Judgement("unprotected", f"off at its stack: {', '.join(e.unprotected)}") if e.unprotected else None


def _not_up_yet(e: Evidence) -> Judgement | None:
    return Judgement("starting", f"{e.failure.what}; {_grace(e)}") if e.failure else None


def _no_head(e: Evidence) -> Judgement | None:
    return Judgement("unknown", f"no head to compare with: {e.head.why}") if e.head.height is None else None


def _ahead(e: Evidence) -> Judgement | None:
    ahead = (e.seen.height or 0) - (e.head.height or 0)
    if ahead <= e.coin.tolerance_blocks:
        return None
    return Judgement(
        "unknown",
        f"height {e.seen.height} is {ahead} blocks ahead of head {e.head.height}: "
        "the references are behind, or it follows another chain",
    )


def _behind(e: Evidence) -> Judgement | None:
    too_far = e.lag_blocks is not None and e.lag_blocks > e.coin.tolerance_blocks
    too_old = e.age is not None and e.age > e.coin.tolerance
    if not too_far and not too_old:
        return None
    if e.in_grace:
        return Judgement("starting", f"{_distance(e)}; {_speed(e)}; {_grace(e)}")
    if e.eta_seconds is not None or (e.seen.syncing and not _stands_still(e)):
        return Judgement("syncing", f"{_distance(e)}; {_speed(e)}")
    return Judgement("lagging", f"{_distance(e)}; {_speed(e)}")


def _not_shown(e: Evidence) -> Judgement | None:
    shown = {
        "its height": e.seen.height,
        "its best block's time": e.seen.block_time,
        "its chain": e.seen.chain,
        "its stack's protection": e.unprotected,
        "the commit that it is tagged with": e.expected_commit or None,
    }
    missing = [what for what, value in shown.items() if value is None]
    return Judgement("unknown", f"could not be seen: {', '.join(missing)}") if missing else None


PRECEDENCE: tuple[Callable[[Evidence], Judgement | None], ...] = (
    _malformed,
    _unreachable,
    _wrong_chain,
    _wrong_commit,
    _unprotected,
    _not_up_yet,
    _no_head,
    _ahead,
    _behind,
    _not_shown,
)


def _stands_still(e: Evidence) -> bool:
    """Whether the node did not move while the head did, whatever the node says of itself."""
    before = e.previous
    if before is None or before.head is None or e.head.height is None or e.seen.height is None:
        return False
    return e.seen.height <= before.height and e.head.height > before.head


def _in_step(e: Evidence) -> str:
    vouched = f"{e.head.vouched} of {e.head.asked} reference" + "s" * (e.head.asked != 1)
    return f"height {e.seen.height} is in step with head {e.head.height} ({vouched}), best block {e.age} s old"


def _distance(e: Evidence) -> str:
    return (
        f"height {e.seen.height} is {e.lag_blocks} blocks ({e.lag_seconds} s) behind head {e.head.height}, "
        f"best block {'of unknown age' if e.age is None else f'{e.age} s old'}, tolerance {e.coin.tolerance} s"
    )


def _grace(e: Evidence) -> str:
    return f"launched {round((e.now - e.launched).total_seconds())} s ago, its grace is {e.coin.grace} s"


def _speed(e: Evidence) -> str:
    word = {True: "it says that it is syncing", False: "it says that it is not syncing"}
    says = word[e.seen.syncing] if e.seen.syncing is not None else "it does not say whether it is syncing"
    rate = "no earlier height to compare with" if e.rate is None else f"{e.rate:.2f} blocks/s since the record before"
    return f"{says}, {rate}" + ("" if e.eta_seconds is None else f", caught up in about {e.eta_seconds} s")
