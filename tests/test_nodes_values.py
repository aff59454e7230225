"""I13: a value that is not what it should be is unknown; nothing is turned into a number by good will."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.nodes import values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_i13_whatever_a_node_sends_is_a_value_of_the_right_kind_or_unknown(sent: Any) -> None:
    for read in (values.count, values.quantity):
        number = read(sent)
        assert number is None or (type(number) is int and 0 <= number <= values.LARGEST)
    for hashed, length in ((values.evm_hash(sent), 66), (values.bitcoin_hash(sent), 64)):
        assert hashed is None or (hashed.isascii() and len(hashed) == length)
    text = values.text(sent)
    assert text is None or (text.isprintable() and 0 < len(text) <= values.LONGEST_TEXT)
    values.moment(values.count(sent))
    values.member(sent, "x")


@given(st.integers(0, values.LARGEST))
def test_honest_numbers_are_read_exactly(number: int) -> None:
    assert values.count(number) == number
    assert values.quantity(hex(number)) == number


@pytest.mark.parametrize(
    "sent",
    ["1b4", "0x", "", "0x1_0", " 0x1", "0x1 ", "0x1\n", "-0x1", "0x-1", "0X1", "0x\u0661", "0xg", "0x" + "f" * 16,
     "0x" + "0" * 5000, 436, 1.0, True, False, None, [], {}],
)  # fmt: skip
def test_i13_what_is_not_a_hex_quantity_is_unknown(sent: Any) -> None:
    assert values.quantity(sent) is None


@pytest.mark.parametrize("sent", [-1, 2**53, 10**400, 1.0, float("nan"), float("inf"), "1", True, False, None, []])
def test_i13_what_is_not_a_count_is_unknown(sent: Any) -> None:
    assert values.count(sent) is None


def test_block_zero_of_ethereum_is_dated_1970_and_that_is_known() -> None:
    assert values.moment(0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_time_that_no_calendar_holds_is_unknown() -> None:
    assert values.moment(values.LARGEST) is None


def test_text_can_not_forge_lines() -> None:
    assert values.text("Geth\r\nX-Evil: 1\x1b[31m\u202e") == "GethX-Evil: 1[31m"
