"""Verdicts: a pure function of the evidence, in a fixed order, and never healthy for want of an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.configuration import Watched
from coinquery.monitor.evidence import Evidence, Failure, Seen, Sighting, Volume
from coinquery.monitor.head import Anchor, Head
from coinquery.monitor.verdict import judge
from coinquery.nodes import anchors

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HASH, OTHER_HASH = "0x" + "a" * 64, "0x" + "b" * 64
COIN = Watched(dialect="evm", chain="1", block_time=12, tolerance=180, tolerance_blocks=15, grace=1800)
SEEN = Seen(
    commit=COMMIT,
    chain="1",
    height=1000,
    block_time=NOW - timedelta(seconds=9),
    syncing=False,
    anchors={990: HASH, 980: OTHER_HASH, 970: HASH},
)
HEAD = Head(
    height=1000, time=NOW - timedelta(seconds=9), asked=3, vouched=2, anchors=(Anchor(990, HASH), Anchor(970, HASH))
)
GIB = 2**30
FULL_SOON = Volume(size=2000 * GIB, free=60 * GIB, growth=10.0 * GIB)
HEALTHY = Evidence(
    now=NOW,
    launched=NOW - timedelta(days=2),
    coin=COIN,
    expected_commit=COMMIT,
    unprotected=(),
    head=HEAD,
    seen=SEEN,
)


def but(evidence: Evidence = HEALTHY, seen: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    """The evidence with changes to it, and to what was seen."""
    return msgspec.structs.replace(evidence, seen=msgspec.structs.replace(evidence.seen, **seen or {}), **changes)


YOUNG: dict[str, Any] = {"launched": NOW - timedelta(minutes=10)}
BEHIND: dict[str, Any] = {"height": 900, "block_time": NOW - timedelta(seconds=1200)}
NO_HEAD = Head(asked=3, why="none of 3 references answered")

#: One fault each, in the order in which they are named: the worst first.
FAULTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("malformed", {"failure": Failure("malformed", "HTTP 500: '<html>'")}, {}),
    ("unreachable", {"failure": Failure("unreachable", "no connection: refused")}, {}),
    ("wrong-chain", {}, {"chain": "5"}),
    ("wrong-commit", {}, {"commit": "f" * 40}),
    ("unknown", {"head": NO_HEAD}, {}),
    ("lagging", {}, BEHIND),
    ("unknown", {}, {"chain": None}),
    ("unprotected", {"unprotected": ("termination protection",)}, {}),
    ("filling", {}, {"volume": FULL_SOON}),
]


def test_what_is_in_step_is_healthy_and_says_so_in_numbers() -> None:
    judgement = judge(HEALTHY)
    assert judgement.verdict == "healthy"
    assert judgement.reason == "height 1000 is in step with head 1000 (2 of 3 witnesses), best block 9 s old"


@pytest.mark.parametrize(("verdict", "changes", "seen"), FAULTS)
def test_each_fault_alone_has_its_verdict(verdict: str, changes: dict[str, Any], seen: dict[str, Any]) -> None:
    assert judge(but(seen=seen, **changes)).verdict == verdict


@pytest.mark.parametrize("first", range(len(FAULTS)))
@pytest.mark.parametrize("second", range(len(FAULTS)))
def test_of_two_faults_the_worse_is_named(first: int, second: int) -> None:
    worse, other = FAULTS[min(first, second)], FAULTS[max(first, second)]
    evidence = but(but(seen=other[2], **other[1]), seen=worse[2], **worse[1])
    assert judge(evidence).verdict == worse[0]


@pytest.mark.parametrize(
    ("seen", "changes", "words"),
    [
        ({"height": 900}, {}, "100 blocks (0 s) behind head 1000"),
        ({"block_time": NOW - timedelta(seconds=181)}, {}, "best block 181 s old, tolerance 180 s: the chain is slow"),
        ({"chain": "5"}, {}, "its chain is 5, the coin's is 1"),
        ({"anchors": {990: OTHER_HASH}}, {}, f"its block 990 is {OTHER_HASH}, the network's is {HASH}"),
        ({"volume": FULL_SOON}, {}, "full in 6.0 days: 60.0 of 2000.0 GiB are free, it grows by 10.0 GiB a day"),
        ({"commit": None}, {}, f"it runs commit unknown, its stack is tagged {COMMIT}"),
        ({}, {"unprotected": ("stack policy",)}, "off at its stack: stack policy"),
        ({}, {"head": NO_HEAD}, "no head to compare with: none of 3 references answered"),
        ({"height": 1016}, {}, "height 1016 is 16 blocks ahead of head 1000"),
    ],
)
def test_the_reason_gives_the_values(seen: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    assert words in judge(but(seen=seen, **changes)).reason


@pytest.mark.parametrize(
    ("seen", "changes"),
    [
        ({"height": None}, {}),
        ({"block_time": None}, {}),
        ({"chain": None}, {}),
        ({"anchors": {}}, {}),
        ({"anchors": {980: OTHER_HASH}}, {}),
        ({}, {"head": msgspec.structs.replace(HEAD, anchors=())}),
        ({"block_time": NOW - timedelta(seconds=181)}, {}),
        ({}, {"unprotected": None}),
        ({}, {"expected_commit": ""}),
        ({}, {"head": NO_HEAD}),
        ({}, {"head": Head(asked=0, why="no reference is configured")}),
        ({"height": 1016}, {}),
    ],
)
def test_i13_what_could_not_be_seen_is_unknown_and_not_healthy(seen: dict[str, Any], changes: dict[str, Any]) -> None:
    assert judge(but(seen=seen, **changes)).verdict == "unknown"


def test_within_tolerance_is_in_step_and_one_beyond_is_not() -> None:
    assert judge(but(seen={"height": 985, "anchors": {970: HASH}})).verdict == "healthy"
    assert judge(but(seen={"height": 985, "anchors": {970: OTHER_HASH}})).verdict == "wrong-chain"
    assert judge(but(seen={"height": 984, "anchors": {}})).verdict == "lagging"
    assert judge(but(seen={"block_time": NOW - timedelta(seconds=180)})).verdict == "healthy"
    assert judge(but(seen={"block_time": NOW - timedelta(seconds=181)})).verdict == "unknown"
    assert judge(but(seen={"height": 1015})).verdict == "healthy"


def test_a_new_instance_starts_where_an_old_one_fails() -> None:
    unreachable = Failure("unreachable", "no connection: refused")
    assert judge(but(failure=unreachable, **YOUNG)).verdict == "starting"
    assert judge(but(seen=BEHIND, **YOUNG)).verdict == "starting"
    assert judge(but(**YOUNG)).verdict == "healthy"


@pytest.mark.parametrize(
    ("verdict", "changes", "seen"), [fault for fault in FAULTS if fault[0] not in ("unreachable", "lagging")]
)
def test_being_new_hides_nothing_else(verdict: str, changes: dict[str, Any], seen: dict[str, Any]) -> None:
    assert judge(but(seen=seen, **changes, **YOUNG)).verdict == verdict


def before(height: int, head: int | None, seconds: int = 60, progress: int | None = None) -> Sighting:
    return Sighting(NOW - timedelta(seconds=seconds), height, head, progress)


@pytest.mark.parametrize(
    ("says", "previous", "verdict"),
    [
        (True, None, "syncing"),
        (True, before(840, 995), "syncing"),
        (True, before(899, 995), "syncing"),
        (True, before(900, 995), "syncing"),
        (True, before(900, 995, 300), "stalled"),
        (True, before(900, 1000, 300), "syncing"),
        (False, before(900, 995, 300), "stalled"),
        (None, before(900, 995, 3000), "stalled"),
        (True, before(900, 995, 300, progress=7), "syncing"),
        (False, before(899, 995, 300), "lagging"),
        (False, before(840, 995), "syncing"),
        (False, before(896, 995), "lagging"),
        (False, None, "lagging"),
        (None, before(900, 995), "lagging"),
    ],
)
def test_behind_and_catching_up_is_syncing_whatever_the_node_says(
    says: bool | None, previous: Sighting | None, verdict: str
) -> None:
    assert judge(but(seen={**BEHIND, "syncing": says}, previous=previous)).verdict == verdict


def test_a_node_that_works_without_growing_is_not_stalled() -> None:
    still = before(900, 995, 300, progress=7)
    assert judge(but(seen={**BEHIND, "syncing": True, "progress": 7}, previous=still)).verdict == "stalled"
    assert judge(but(seen={**BEHIND, "syncing": True, "progress": 8}, previous=still)).verdict == "syncing"


@pytest.mark.parametrize(
    ("volume", "verdict"),
    [
        (None, "healthy"),
        (Volume(size=GIB, free=0), "healthy"),
        (Volume(size=GIB, free=0, growth=0.0), "healthy"),
        (Volume(size=GIB, free=0, growth=-5.0), "healthy"),
        (Volume(size=GIB, free=0, growth=1.0), "filling"),
        (Volume(size=100 * GIB, free=70 * GIB, growth=10.0 * GIB), "filling"),
        (Volume(size=100 * GIB, free=71 * GIB, growth=10.0 * GIB), "healthy"),
    ],
)
def test_a_volume_is_filling_if_it_will_be_full_within_the_days_that_the_coin_sets(
    volume: Volume | None, verdict: str
) -> None:
    assert judge(but(seen={"volume": volume})).verdict == verdict


def test_the_estimate_is_the_gap_over_the_gain_on_the_chain() -> None:
    evidence = but(seen=BEHIND, previous=before(780, 995))
    assert evidence.rate == 2.0
    assert evidence.eta_seconds == round(100 / (2.0 - 1 / 12))
    assert f"caught up in about {evidence.eta_seconds} s" in judge(evidence).reason


@pytest.mark.parametrize("previous", [None, before(900, 995), Sighting(NOW, 800, 900)])
def test_without_movement_or_time_between_there_is_no_estimate(previous: Sighting | None) -> None:
    assert but(seen=BEHIND, previous=previous).eta_seconds is None


def test_lag_in_seconds_comes_from_the_blocks_times_or_from_the_block_time() -> None:
    assert but(seen=BEHIND).lag_seconds == 1191
    assert but(seen={**BEHIND, "block_time": None}).lag_seconds == 1200
    assert but(seen={"height": 1003}).lag_seconds == 0
    assert but(seen={"height": 1003}).lag_blocks == 0
    assert but(seen={"height": None}).lag_seconds is None


moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 1), timezones=st.just(UTC))
heights = st.none() | st.integers(0, 2000) | st.integers(0, 2**53)
heads = st.builds(
    Head,
    height=heights,
    time=st.none() | moments,
    asked=st.integers(0, 3),
    vouched=st.integers(0, 3),
    anchors=st.dictionaries(st.sampled_from([970, 980, 990]), st.sampled_from([HASH, OTHER_HASH])).map(
        lambda agreed: tuple(Anchor(height, agreed[height]) for height in sorted(agreed, reverse=True))
    ),
)
sightings = st.builds(Sighting, time=moments, height=st.integers(0, 2000), head=heights)
any_evidence = st.builds(
    Evidence,
    now=moments,
    launched=moments,
    coin=st.just(COIN),
    expected_commit=st.sampled_from(["", COMMIT]),
    unprotected=st.sampled_from([None, (), ("termination protection",)]),
    head=heads,
    seen=st.builds(
        Seen,
        commit=st.sampled_from([None, COMMIT, "f" * 40]),
        chain=st.sampled_from([None, "1", "5"]),
        height=heights,
        block_time=st.none() | moments,
        syncing=st.sampled_from([None, True, False]),
        anchors=st.dictionaries(st.sampled_from([980, 990]), st.sampled_from([HASH, OTHER_HASH])),
        progress=st.none() | st.integers(0, 5),
        volume=st.none() | st.builds(Volume),
    ),
    failure=st.none() | st.builds(Failure, kind=st.sampled_from(["unreachable", "malformed"]), what=st.just("why")),
    previous=st.none() | sightings,
)


@given(any_evidence)
def test_i13_healthy_means_that_everything_was_seen_and_is_right(e: Evidence) -> None:
    judgement = judge(e)
    assert judgement.reason
    if judgement.verdict != "healthy":
        return
    assert e.failure is None
    assert e.unprotected == ()
    assert e.seen.commit == e.expected_commit == COMMIT
    assert e.seen.chain == "1"
    assert e.head.height is not None
    assert e.seen.height is not None
    assert abs(e.head.height - e.seen.height) <= COIN.tolerance_blocks
    assert e.age is not None
    assert e.age <= COIN.tolerance
    if anchors.height(e.head.height) is not None:
        assert e.compared
    assert all(e.seen.anchors[anchor.height] == anchor.hash for anchor in e.compared)
