"""The policy evaluator decides as AWS documents it: the examples of the IAM User Guide, and what must hold of all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy_evaluator import Decision, Request, arn_matches, decide, holds, matches

BUCKET = "arn:aws:s3:::shop"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY: dict[str, Any] = {"Effect": "Deny", "Action": "*", "Resource": "*"}

texts = st.text(st.sampled_from("ab:/-"), max_size=6)
patterns = st.text(st.sampled_from("ab:/-*?"), max_size=6)


def decided(request: Request, *statements: dict[str, Any]) -> Decision:
    return decide([{"Statement": list(statements)}], request)


# ---- Evaluation logic


def test_nobody_allows_by_default_and_a_deny_outweighs() -> None:
    request = Request("s3:GetObject", BUCKET)
    assert decided(request) is Decision.NOT_ALLOWED
    assert decided(request, ALLOW) is Decision.ALLOWED
    assert decided(request, DENY, ALLOW) is decided(request, ALLOW, DENY) is Decision.DENIED


def test_policies_are_one_set_of_statements() -> None:
    assert decide([{"Statement": [ALLOW]}, {"Statement": [DENY]}], Request("s3:GetObject")) is Decision.DENIED


@pytest.mark.parametrize(
    ("statement", "speaks"),
    [
        ({"Action": "s3:GetObject"}, True),
        ({"Action": "S3:getobject"}, True),  # actions have no case
        ({"Action": ["iam:*", "s3:Get*"]}, True),
        ({"Action": "s3:Put*"}, False),
        ({"NotAction": "s3:Put*"}, True),
        ({"NotAction": ["iam:*", "s3:*"]}, False),
        ({"Action": "*", "Resource": BUCKET}, True),
        ({"Action": "*", "Resource": BUCKET.upper()}, False),  # ARNs have
        ({"Action": "*", "Resource": "arn:*:s3:::sh??"}, True),
        ({"Action": "*", "Resource": "arn:*:s3:*:*:*"}, True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::*"}, False),
        ({"Action": "*", "NotResource": "arn:aws:sqs:*:*:*"}, True),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], speaks: bool) -> None:
    whole = {"Effect": "Allow", **({} if "NotResource" in statement else {"Resource": "*"}), **statement}
    wanted = Decision.ALLOWED if speaks else Decision.NOT_ALLOWED
    assert decided(Request("s3:GetObject", BUCKET), whole) is wanted


def test_no_wildcard_stands_for_the_type_of_a_resource() -> None:
    user = "arn:aws:iam::123456789012:user/jane"
    assert arn_matches("arn:aws:iam::*:user/*", user)
    assert arn_matches("arn:aws:iam::123456789012:*", user)
    assert not arn_matches("arn:aws:iam::123456789012:u*/jane", user)
    assert not arn_matches("arn:aws:iam::123456789012:*/jane", user)


# ---- Conditions: all operators and all keys must hold, one value of a key is enough


def test_conditions_are_all_needed_and_values_are_a_choice() -> None:
    condition = {"StringEquals": {"aws:a": ["1", "2"], "aws:b": "3"}, "StringLike": {"aws:c": "x*"}}
    statement = {**ALLOW, "Condition": condition}
    right = {"AWS:A": "2", "aws:b": "3", "aws:c": "xy"}  # keys have no case
    assert decided(Request("s3:GetObject", BUCKET, right), statement) is Decision.ALLOWED
    for key in right:
        for context in ({**right, key: "?"}, {k: v for k, v in right.items() if k != key}):
            assert decided(Request("s3:GetObject", BUCKET, context), statement) is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "result"),
    [
        ("StringEquals", ["a"], ("a",), True),
        ("StringEquals", ["a*"], ("ab",), False),
        ("StringEqualsIgnoreCase", ["A"], ("a",), True),
        ("StringLike", ["a*", "b"], ("ac",), True),
        ("StringNotLike", ["a*", "b"], ("c",), True),
        ("StringNotLike", ["a*", "b"], ("b",), False),  # one that matches is enough to be refused
        ("ArnLike", ["arn:*:iam::*:role/x"], ("arn:aws:iam::1:role/x",), True),
        ("ArnLike", ["arn:*:role/x"], ("arn:aws:iam::1:role/x",), False),  # the parts are compared one by one
        ("ArnEquals", ["arn:aws:iam::*:role/x"], ("arn:aws:iam::1:role/x",), True),  # behaves as ArnLike
        ("ArnNotLike", ["arn:aws:iam::1:role/x"], ("arn:aws:iam::1:role/y",), True),
        ("Bool", ["true"], ("True",), True),
        # A key that the request does not carry
        ("StringEquals", ["a"], None, False),
        ("StringNotEquals", ["a"], None, True),
        ("StringNotLike", ["*"], None, True),
        ("ArnNotLike", ["*"], None, True),
        ("StringEqualsIfExists", ["a"], None, True),
        ("StringEqualsIfExists", ["a"], ("b",), False),
        ("BoolIfExists", ["true"], None, True),
        ("Null", ["true"], None, True),
        ("Null", ["true"], ("a",), False),
        ("Null", ["false"], ("a",), True),
        # Keys with several values
        ("ForAnyValue:StringLike", ["a*"], ("b", "ab"), True),
        ("ForAnyValue:StringLike", ["a*"], ("b",), False),
        ("ForAnyValue:StringLike", ["a*"], None, False),
        ("ForAnyValue:StringNotEquals", ["a"], None, False),
        ("ForAllValues:StringLike", ["a*"], ("ab", "a"), True),
        ("ForAllValues:StringLike", ["a*"], ("ab", "b"), False),
        ("ForAllValues:StringLike", ["a*"], None, True),  # and so a Deny by it hits who sends no key
    ],
)
def test_operators(operator: str, wanted: list[str], actual: tuple[str, ...] | None, result: bool) -> None:
    assert holds(operator, wanted, actual) is result


@pytest.mark.parametrize("operator", ["NumericLessThan", "DateGreaterThan", "IpAddress", "StringLikes"])
def test_what_it_does_not_know_it_does_not_guess(operator: str) -> None:
    with pytest.raises(NotImplementedError):
        holds(operator, ["1"], ("1",))


def test_policy_variables_are_not_guessed_either() -> None:
    with pytest.raises(NotImplementedError):
        decided(Request("s3:GetObject"), {**ALLOW, "Resource": "arn:aws:s3:::${aws:username}"})
    with pytest.raises(NotImplementedError):
        holds("StringEquals", ["a"], ("a", "b"))


# ---- What holds of every pattern


@given(texts)
def test_a_text_matches_itself_and_a_star_matches_all(text: str) -> None:
    assert matches(text, text)
    assert matches("*", text)
    assert matches("?" * len(text), text)


@given(patterns, texts, texts)
def test_a_star_stands_for_any_text(pattern: str, one: str, other: str) -> None:
    if matches(pattern, one):
        assert matches(pattern + "*", one + other)
        assert matches("*" + pattern, other + one)


@given(st.lists(texts, min_size=1), texts)
def test_a_negated_operator_is_the_opposite(wanted: list[str], text: str) -> None:
    assert holds("StringNotLike", wanted, (text,)) is not holds("StringLike", wanted, (text,))
    assert holds("StringNotEquals", wanted, (text,)) is not holds("StringEquals", wanted, (text,))


@given(st.lists(patterns, min_size=1), st.lists(texts).map(tuple))
def test_any_and_all_agree_where_they_must(wanted: list[str], values: tuple[str, ...]) -> None:
    any_, all_ = (holds(f"{each}:StringLike", wanted, values) for each in ("ForAnyValue", "ForAllValues"))
    assert any_ is not holds("ForAllValues:StringNotLike", wanted, values)
    assert all_ is not holds("ForAnyValue:StringNotLike", wanted, values)
    assert not values or not all_ or any_


@given(st.lists(st.text("ab/-", max_size=4), min_size=6, max_size=6), st.integers(0, 4))
def test_parts_of_an_arn_are_compared_one_by_one(parts: list[str], which: int) -> None:
    arn = ":".join(parts)
    assert arn_matches(":".join([*parts[:which], "*", *parts[which + 1 :]]), arn)
    assert not arn_matches(":".join([*parts[:which], "*", *parts[which + 2 :]]), arn)
