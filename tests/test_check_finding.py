"""What a check may conclude: only what was seen to be right is ok (I13)."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from coinquery.check import identities, organization
from coinquery.check.finding import Finding, found, group, leaves, look, missing, unknown
from coinquery.cli.check import as_data, lines
from coinquery.errors import BadConfiguration

leaf = st.sampled_from([found("a", "seen"), missing("b", "gone", "bring it", ["x"]), unknown("c", "hidden", "look")])
trees = st.recursive(leaf, lambda parts: st.lists(parts, min_size=1, max_size=3).map(lambda p: group("some", p)))


def raising(error: Exception) -> Finding:
    def check() -> str:
        raise error

    return look("it", check)


def refusal(code: str) -> ClientError:
    said = "User: arn:aws:iam::1:user/jane is not authorized to perform: iam:ListRoles on resource: *"
    return ClientError({"Error": {"Code": code, "Message": said}}, "ListRoles")


@given(trees)
def test_i13_a_tree_is_ok_only_if_every_check_is(tree: Finding) -> None:
    states = {each.state for each in leaves(tree)}
    assert (tree.state == "ok") == (states == {"ok"})
    assert (tree.state == "missing") == ("missing" in states)


@given(trees)
def test_every_check_is_shown_with_what_mends_it(tree: Finding) -> None:
    text = "\n".join(line for line, _ in lines(tree))
    for each in leaves(tree):
        assert each.saw in text
        assert each.mend in text
    shown = as_data(tree)
    assert set(shown) == {"check", "state", "saw", "mend", "concerned", "checks"}


def test_many_things_are_counted_on_a_line_and_named_in_the_document() -> None:
    names = [f"role/{number}" for number in range(25)]
    finding = missing("roles", "25 do not carry it", "attach it", names)
    text = "\n".join(line for line, _ in lines(finding))
    assert "role/9 and 15 more" in text
    assert as_data(finding)["concerned"] == tuple(names)


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Throttling"])
def test_i13_what_aws_does_not_show_is_unknown(code: str) -> None:
    finding = raising(refusal(code))
    assert finding.state == "unknown"
    assert "iam:ListRoles" in finding.saw


def test_i13_an_aws_that_does_not_answer_is_unknown() -> None:
    assert raising(ConnectTimeoutError(endpoint_url="http://127.0.0.1")).state == "unknown"


def test_what_is_wrong_is_missing_with_its_remedy() -> None:
    finding = raising(BadConfiguration("there is no zone", "correct cq.toml"))
    assert (finding.state, finding.saw, finding.mend) == ("missing", "there is no zone", "correct cq.toml")


def test_defects_are_not_findings() -> None:
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


class Organizations:
    """AWS Organizations as a member account sees it."""

    class exceptions:  # noqa: N801 - as boto3 has it
        class AWSOrganizationsNotInUseException(Exception):
            pass

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def describe_organization(self) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Organization": {"MasterAccountId": self._answer}}


def test_an_account_may_be_in_no_organisation() -> None:
    client: Any = Organizations(Organizations.exceptions.AWSOrganizationsNotInUseException())
    assert organization.is_member(client, "123456789012") is None
    client = Organizations("210987654321")
    assert organization.is_member(client, "123456789012") is True
    client = Organizations("123456789012")
    assert organization.is_member(client, "123456789012") is False


class Pages:
    """A service whose answers come one element a page."""

    class exceptions:  # noqa: N801 - as boto3 has it
        class NoSuchEntityException(Exception):
            pass

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self._answers = answers

    def get_paginator(self, operation: str) -> Any:
        pages = self._answers[operation]

        class Paginator:
            def paginate(self, **_: Any) -> Any:
                return iter(pages)

        return Paginator()


def test_every_page_of_roles_users_and_carriers_is_read() -> None:
    iam: Any = Pages(
        list_roles=[{"Roles": [{"RoleName": f"r{n}", "Path": "/"}]} for n in range(5)],
        list_users=[{"Users": [{"UserName": f"u{n}"}]} for n in range(5)],
        list_entities_for_policy=[
            {"PolicyRoles": [{"RoleName": "r0"}]},
            {"PolicyUsers": [{"UserName": "u4"}]},
            {"PolicyRoles": [{"RoleName": "r3"}], "PolicyUsers": [{"UserName": "u1"}]},
        ],
    )
    bare = identities.without(iam, ["arn:aws:iam::1:policy/coinquery/coinquery-guard"])
    assert bare == ("role/r1", "role/r2", "role/r4", "user/u0", "user/u2", "user/u3")
