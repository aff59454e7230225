"""The head: what two witnesses vouch for. A liar moves nothing; too few is unknown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor.head import Tip, agree, agree_on_hash

TOLERANCE = 15
honest_heights = st.integers(10_000, 10_000 + TOLERANCE)
any_height = st.integers(0, 2**53)


def head(*heights: int, asked: int = 0) -> int | None:
    return agree([Tip(height) for height in heights], asked or len(heights), TOLERANCE).height


def test_the_second_highest_is_the_highest_that_two_vouch_for() -> None:
    assert head(1000, 1002, 1001) == 1001
    assert agree([Tip(1000), Tip(1002), Tip(1001)], 3, TOLERANCE).vouched == 2


def test_of_two_the_lower_is_the_head() -> None:
    assert head(1000, 1003) == 1000


def test_i13_two_that_do_not_agree_are_no_head() -> None:
    unknown = agree([Tip(1000), Tip(2000)], 2, TOLERANCE)
    assert unknown.height is None
    assert unknown.why == "no two of 2 references agree: heights 2000, 1000"


def test_the_only_one_configured_has_to_do_and_is_counted() -> None:
    only = agree([Tip(1000)], 1, TOLERANCE)
    assert (only.height, only.asked, only.vouched) == (1000, 1, 1)


def test_i13_one_of_several_is_no_head() -> None:
    assert head(1000, asked=3) is None
    assert "1 of 3 references answered: height 1000" in agree([Tip(1000)], 3, TOLERANCE).why


def test_i13_none_answering_and_none_configured_are_no_head() -> None:
    assert agree([], 2, TOLERANCE).why == "none of 2 references answered"
    assert agree([], 0, TOLERANCE).why == "no reference is configured"


@given(st.lists(honest_heights, min_size=2, max_size=5), any_height)
def test_one_liar_can_not_move_the_head_beyond_the_honest(honest: list[int], lie: int) -> None:
    with_liar = head(*honest, lie)
    assert with_liar is not None
    assert min(honest) <= with_liar <= max(honest)


@given(st.lists(any_height, max_size=5))
def test_a_head_is_vouched_for_by_two(heights: list[int]) -> None:
    agreed = agree([Tip(height) for height in heights], max(2, len(heights)), TOLERANCE)
    if agreed.height is not None:
        assert sum(height >= agreed.height for height in heights) == agreed.vouched >= 2


def test_a_hash_needs_two_or_the_only_one_and_no_tie() -> None:
    assert agree_on_hash(["a"], 1) == "a"
    assert agree_on_hash(["a"], 2) is None
    assert agree_on_hash(["a", "b"], 2) is None
    assert agree_on_hash(["a", "b", "a"], 3) == "a"
    assert agree_on_hash(["a", "a", "b", "b"], 4) is None
    assert agree_on_hash([], 3) is None
