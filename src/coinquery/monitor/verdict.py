"""What to conclude of one instance, from data alone: evidence in, judgement out.

The first check of ``PRECEDENCE`` that has something to say decides:

    malformed     it answered what is no answer
    unreachable   it, or the node behind it, did not answer, and its grace is over
    wrong-chain   its chain, or the hash of a block below the head, is not the network's
    wrong-commit  it does not run the release that it is tagged with
    starting      it does not answer, and its grace is not over
    unknown       there is no head to compare it with, or it is far ahead of the head
    starting      it is behind, within its grace
    stalled       it is behind and has not moved for as long as the coin's patience, while the head did
    syncing       it is behind and catching up
    lagging       it is behind
    unknown       it is level with the head, and its best block is too old; or something that a healthy instance must
                  show could not be seen
    unprotected   its stack's termination protection or stack policy is off
    filling       its data volume will be full within the days that the coin sets
    healthy

So nothing is healthy because a question had no answer (I13), and nothing wrong is hidden by an instance being new.
What the sweep did not get to is ``unknown`` without evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from coinquery.monitor.evidence import Evidence

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


#: Verdicts of instances that serve in step, whatever else is to be said of them.
SERVING: tuple[Verdict, ...] = ("healthy", "filling", "unprotected")


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
    for anchor in e.compared:
        own = e.seen.anchors[anchor.height]
        if own != anchor.hash:
            return Judgement("wrong-chain", f"its block {anchor.height} is {own}, the network's is {anchor.hash}")
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
    if e.lag_blocks is None or e.lag_blocks <= e.coin.tolerance_blocks:
        return None
    if e.in_grace:
        return Judgement("starting", f"{_distance(e)}; {_speed(e)}; {_grace(e)}")
    if e.stands_still:
        return Judgement("stalled", f"{_distance(e)}; it has not moved since {_ago(e)}, and the head has")
    if e.eta_seconds is not None or e.seen.syncing:
        return Judgement("syncing", f"{_distance(e)}; {_speed(e)}")
    return Judgement("lagging", f"{_distance(e)}; {_speed(e)}")


def _old(e: Evidence) -> Judgement | None:
    """Level with a head that is old itself: a slow chain, or all stand still. Nobody can say which."""
    if e.age is None or e.age <= e.coin.tolerance:
        return None
    if e.in_grace:
        return Judgement("starting", f"{_distance(e)}; {_grace(e)}")
    return Judgement("unknown", f"{_distance(e)}: the chain is slow, or those who vouch for its head stand still too")


def _not_shown(e: Evidence) -> Judgement | None:
    shown = {
        "its height": e.seen.height,
        "its best block's time": e.seen.block_time,
        "its chain": e.seen.chain,
        "a block of its chain that two witnesses have too": e.is_on_the_chain,
        "its stack's protection": e.unprotected,
        "the commit that it is tagged with": e.expected_commit or None,
    }
    missing = [what for what, value in shown.items() if value is None]
    return Judgement("unknown", f"could not be seen: {', '.join(missing)}") if missing else None


def _filling(e: Evidence) -> Judgement | None:
    volume = e.seen.volume
    if volume is None or volume.days is None or volume.days * 86400 > e.coin.full_within:
        return None
    return Judgement(
        "filling",
        f"its data volume will be full in {volume.days:.1f} days: {_gib(volume.free)} of {_gib(volume.size)} GiB are "
        f"free, it grows by {_gib(volume.growth or 0)} GiB a day; the coin allows {e.coin.full_within / 86400:g} days",
    )


PRECEDENCE: tuple[Callable[[Evidence], Judgement | None], ...] = (
    _malformed,
    _unreachable,
    _wrong_chain,
    _wrong_commit,
    _not_up_yet,
    _no_head,
    _ahead,
    _behind,
    _old,
    _not_shown,
    _unprotected,
    _filling,
)


def _in_step(e: Evidence) -> str:
    vouched = f"{e.head.vouched} of {e.head.asked} witnesses"
    return f"height {e.seen.height} is in step with head {e.head.height} ({vouched}), best block {e.age} s old"


def _distance(e: Evidence) -> str:
    return (
        f"height {e.seen.height} is {e.lag_blocks} blocks ({e.lag_seconds} s) behind head {e.head.height}, "
        f"best block {'of unknown age' if e.age is None else f'{e.age} s old'}, tolerance {e.coin.tolerance} s"
    )


def _ago(e: Evidence) -> str:
    return "it was first seen" if e.previous is None else f"{round((e.now - e.previous.time).total_seconds())} s ago"


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f}"


def _grace(e: Evidence) -> str:
    return f"launched {round((e.now - e.launched).total_seconds())} s ago, its grace is {e.coin.grace} s"


def _speed(e: Evidence) -> str:
    word = {True: "it says that it is syncing", False: "it says that it is not syncing"}
    says = word[e.seen.syncing] if e.seen.syncing is not None else "it does not say whether it is syncing"
    rate = "no earlier height to compare with" if e.rate is None else f"{e.rate:.2f} blocks/s since an earlier record"
    return f"{says}, {rate}" + ("" if e.eta_seconds is None else f", caught up in about {e.eta_seconds} s")
