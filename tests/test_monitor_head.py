"""The head: what two witnesses vouch for, one of them a reference. A liar moves nothing; too few is unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.head import Anchor, Word, agree, agree_on_hash

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOLERANCE = 15
honest_heights = st.integers(10_000, 10_000 + TOLERANCE)
any_height = st.integers(0, 2**53)


def word(height: int, kind: Literal["reference", "stack"] = "reference", **hashes: str) -> Word:
    told = {int(at.removeprefix("at")): found for at, found in hashes.items()}
    return Word(coin="eth", by=f"{kind}-{height}", kind=kind, at=NOW, height=height, hashes=told)


def head(*heights: int, asked: int = 0) -> int | None:
    return agree([word(height) for height in heights], asked or len(heights), TOLERANCE).height


def test_the_second_highest_is_the_highest_that_two_vouch_for() -> None:
    assert head(1000, 1002, 1001) == 1001
    assert agree([word(1000), word(1002), word(1001)], 3, TOLERANCE).vouched == 2


def test_of_two_the_lower_is_the_head() -> None:
    assert head(1000, 1003) == 1000


def test_i13_two_that_do_not_agree_are_no_head() -> None:
    unknown = agree([word(1000), word(2000)], 2, TOLERANCE)
    assert unknown.height is None
    assert "no two of 2 witnesses agree" in unknown.why
    assert "reference-2000 says 2000" in unknown.why


def test_i13_one_alone_is_no_head_even_where_it_is_the_only_one() -> None:
    assert head(1000) is None
    assert head(1000, asked=3) is None
    assert "1 of 3 witnesses can be heard, 2 must agree" in agree([word(1000)], 3, TOLERANCE).why


def test_i13_none_answering_and_none_configured_are_no_head() -> None:
    assert agree([], 2, TOLERANCE).why == "0 of 2 witnesses can be heard, 2 must agree"
    assert agree([], 0, TOLERANCE).why == "no reference is configured"


def test_i13_our_own_stacks_alone_are_no_head() -> None:
    assert agree([word(1000, "stack"), word(1001, "stack")], 2, TOLERANCE).height is None


def test_a_stack_and_a_reference_vouch_for_each_other() -> None:
    assert agree([word(1000, "stack"), word(1001)], 2, TOLERANCE).height == 1000
    assert agree([word(1005, "stack"), word(1004, "stack"), word(1003)], 3, TOLERANCE).height == 1003


def test_stacks_outvote_a_lying_reference() -> None:
    words = [word(1000, "stack"), word(1001), word(5_000_000)]
    assert agree(words, 3, TOLERANCE).height == 1000


@given(st.lists(honest_heights, min_size=2, max_size=5), any_height)
def test_one_liar_can_not_move_the_head_beyond_the_honest(honest: list[int], lie: int) -> None:
    with_liar = head(*honest, lie)
    assert with_liar is not None
    assert min(honest) <= with_liar <= max(honest)


@given(st.lists(st.tuples(any_height, st.sampled_from(["reference", "stack"])), max_size=6))
def test_i13_a_head_is_vouched_for_by_two_of_which_one_is_a_reference(said: list[tuple[int, str]]) -> None:
    agreed = agree([word(height, kind) for height, kind in said], len(said), TOLERANCE)  # type: ignore[arg-type]
    if agreed.height is not None:
        near = [kind for height, kind in said if agreed.height <= height <= agreed.height + TOLERANCE]
        assert len(near) == agreed.vouched >= 2
        assert "reference" in near


def test_the_anchors_are_the_blocks_below_the_head_whose_hash_two_give() -> None:
    words = [word(1010, at1000="a", at990="c"), word(1009, at1000="a"), word(1008, "stack", at990="c")]
    assert agree(words, 3, TOLERANCE).anchors == (Anchor(1000, "a"), Anchor(990, "c"))
    assert agree(words[:1] + words[2:], 3, TOLERANCE).anchors == (Anchor(990, "c"),)
    assert agree([word(1010, at1000="a"), word(1010, at1000="b")], 2, TOLERANCE).anchors == ()
    assert agree([word(1005, at1000="a"), word(1005, at1000="a")], 2, TOLERANCE).anchors == ()  # too near to the head


def test_a_hash_needs_two_a_reference_and_no_tie() -> None:
    a, b = word(1010, at1000="a"), word(1010, at1000="b")
    own = word(1010, "stack", at1000="a")
    assert agree_on_hash([a], 1000) is None
    assert agree_on_hash([a, b], 1000) is None
    assert agree_on_hash([a, b, a], 1000) == "a"
    assert agree_on_hash([a, a, b, b], 1000) is None
    assert agree_on_hash([own, own], 1000) is None
    assert agree_on_hash([own, a], 1000) == "a"
    assert agree_on_hash([], 1000) is None
