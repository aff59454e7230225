"""At which heights nodes are compared: any two that are close enough have one in common, deep enough for both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.nodes.anchors import COUNT, DEPTH, STEP, height, heights

HEADS = st.integers(0, 200) | st.integers(0, 2**53)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (0, ()),
        (5, ()),
        (6, (0,)),
        (15, (0,)),
        (16, (10, 0)),
        (45, (30, 20, 10, 0)),
        (46, (40, 30, 20, 10, 0)),
        (96, (90, 80, 70, 60, 50, 40, 30, 20)),
        (19000003, tuple(18999990 - 10 * n for n in range(8))),
    ],
)
def test_examples(head: int, expected: tuple[int, ...]) -> None:
    assert heights(head) == expected
    assert height(head) == (expected[0] if expected else None)


@given(HEADS)
def test_anchors_are_multiples_deep_enough_and_as_many_as_the_chain_has(head: int) -> None:
    deep_enough = range(0, head - DEPTH + 1, STEP)
    assert heights(head) == tuple(reversed(deep_enough))[:COUNT] if head < 10**4 else len(heights(head)) == COUNT
    assert all(anchor % STEP == 0 and 0 <= anchor <= head - DEPTH for anchor in heights(head))


@given(HEADS, st.integers(0, STEP * (COUNT - 1)))
def test_the_anchor_of_one_that_is_behind_is_among_those_of_one_ahead(head: int, ahead: int) -> None:
    anchor = height(head)
    assert anchor is None or anchor in heights(head + ahead)
