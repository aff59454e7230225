"""The guard's policies, on AWS: who may still do what, by a table of cases and a policy evaluator."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import chain
from typing import Any

import pytest

from coinquery import config
from coinquery.bootstrap import rights
from coinquery.errors import BadConfiguration
from coinquery.stacks import guard
from tests import guard_cases as cases
from tests import policy_reference, templates
from tests.guard_cases import CASES, Case, May
from tests.policy_evaluator import Decision, Request, applies, arn_matches, decide, matches

#: Limits of a managed policy (characters but white space), and of a service control policy since May 2026.
MANAGED_LIMIT, SERVICE_CONTROL_LIMIT = 6_144, 10_240
#: An administrator's role with a long name, as IAM Identity Center makes it.
LONG = cases.role(
    "aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_PlatformAdministratorAccess_0123456789abcdef"
)
EVERYTHING: dict[str, Any] = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

#: What a principal is to the guard.
WHO = {
    cases.ADMINISTRATOR: May.EVERYONE,
    cases.USER: May.EVERYONE,
    cases.READ_ONLY: May.EVERYONE,
    **dict.fromkeys(cases.LOOKALIKES, May.EVERYONE),
    cases.BOOTSTRAPS: May.ADMINISTRATORS,
    cases.CLOUDFORMATION: May.OPERATORS,
    cases.DEPLOYER: May.DEPLOYER,
    cases.BREAK_GLASS: May.BREAK_GLASS,
}
reference = policy_reference.load()


def made(**parameters: str) -> list[dict[str, Any]]:
    """The properties of the policies that the template makes of parameters."""
    zones = ",".join(f"arn:aws:route53:::hostedzone/{zone}" for zone in (cases.ZONE, cases.PRIVATE_ZONE))
    given = {
        "Operators": ",".join(rights.OPERATORS),
        "Administrators": ",".join((*rights.OPERATORS, cases.BOOTSTRAPS)),
        "Zones": zones,
        "LiveNames": ",".join(cases.NAMES),
        "NamesAbove": "com,example.com,internal.example.com",
        **parameters,
    }
    values: dict[str, Any] = {}
    for name, entry in templates.load(templates.GUARD)["Parameters"].items():
        text = given.get(name, entry.get("Default"))
        values[name] = text.split(",") if entry["Type"] == "CommaDelimitedList" else text
    return [each["Properties"] for each in templates.resources(templates.GUARD, "coinquery-guard", **values).values()]


@cache
def policies(**parameters: str) -> dict[str, dict[str, Any]]:
    return {each["ManagedPolicyName"]: each["PolicyDocument"] for each in made(**parameters)}


def statements() -> list[dict[str, Any]]:
    return list(chain.from_iterable(document["Statement"] for document in policies().values()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_guard_denies_what_it_must_and_nothing_else(case: Case) -> None:
    documents = [EVERYTHING, *policies().values()]
    for who, what in WHO.items():
        wanted = Decision.ALLOWED if case.may >= what else Decision.DENIED
        assert decide(documents, case.request(who)) is wanted, who


def test_the_table_is_wide_enough() -> None:
    counts = [sum(case.may is may for case in CASES) for may in May]
    assert len(CASES) == len({str(case) for case in CASES}) >= 200
    assert counts[May.EVERYONE] > 80
    assert sum(counts) - counts[May.EVERYONE] > 100


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cases_are_true_on_aws(case: Case) -> None:
    """AWS has the action, it works on such a resource, and requests for it carry those keys."""
    assert reference.expand(case.action) == [case.action]
    assert any(arn_matches(form, case.resource) for form in reference.forms(case.action)), reference.forms(case.action)
    assert [key for key in case.context if not reference.carries(case.action, key)] == []


def test_each_statement_decides_something() -> None:
    for statement in statements():
        without = [EVERYTHING, {"Statement": [each for each in statements() if each is not statement]}]
        requests = (case.request(who) for case in CASES for who in WHO if applies(statement, case.request(who)))
        assert any(decide(without, request) is Decision.ALLOWED for request in requests), statement["Sid"]


def test_wildcards_reach_no_further_where_they_cross_the_parts_of_an_arn() -> None:
    """IAM: "if the * wildcard is the last character of a segment, it can match beyond the colon boundaries"."""
    for statement in statements():
        for pattern in templates.listed(statement["Resource"]):
            for case in CASES:
                assert arn_matches(pattern, case.resource) == matches(pattern, case.resource), pattern


def test_only_what_changes_something_is_denied() -> None:
    """What only lists or reads stays everyone's, also where a statement names actions by a wildcard."""
    for statement in statements():
        resources = templates.listed(statement["Resource"])
        for action in chain.from_iterable(map(reference.expand, templates.listed(statement["Action"]))):
            if any(reference.works_on(action, resource) for resource in resources):
                assert not reference.only_reads(action) or reference.forms(action) == ["*"], action


def test_the_guard_only_takes_away() -> None:
    assert {statement["Effect"] for statement in statements()} == {"Deny"}
    assert not any({"NotAction", "NotResource", "Principal"} & set(statement) for statement in statements())


def test_each_fits_into_a_managed_policy_and_into_a_service_control_policy() -> None:
    """Also with many coins and administrators: they are all that grows."""
    names = ",".join(f"coin{n:02}{level}.example.com" for n in range(50) for level in ("", ".internal"))
    documents = policies(LiveNames=names, Administrators=",".join((*rights.OPERATORS, *[LONG] * 3)))
    for document in documents.values():
        assert len(re.sub(r"\s", "", json.dumps(document))) < MANAGED_LIMIT
        assert len(json.dumps(document, separators=(",", ":"))) < SERVICE_CONTROL_LIMIT


def test_what_does_not_fit_is_refused_before_aws_refuses_it() -> None:
    given = {"Administrators": ",".join(f"{LONG}{number}" for number in range(9))}
    with pytest.raises(BadConfiguration, match=r"coinquery-guard-parts would have \d+ characters, more than 6144"):
        guard.check_length(given)


def test_i7_of_proof_only_the_monitor_writes_and_who_runs_it_by_hand() -> None:
    """The monitor's role writes records, and no journal."""
    documents = [EVERYTHING, *policies().values()]
    writes = {
        group: decide(
            documents,
            Request(
                "logs:PutLogEvents",
                cases.arn("logs", f"log-group:{group}:log-stream:{stream}"),
                {"aws:PrincipalArn": cases.MONITORS},
            ),
        )
        for group, stream in (("/coinquery/monitor", cases.ETH), ("/coinquery/journal", cases.ETH))
    }
    assert writes == {"/coinquery/monitor": Decision.ALLOWED, "/coinquery/journal": Decision.DENIED}


def test_its_names_are_those_that_cq_looks_for() -> None:
    arns = [f"arn:aws:iam::{cases.ACCOUNT}:policy{each['Path']}{each['ManagedPolicyName']}" for each in made()]
    assert tuple(arns) == guard.arns("aws", cases.ACCOUNT)
    assert tuple(policies()) == guard.POLICIES
    assert {each["Path"] for each in made()} == {guard.PATH}


def test_parameters_name_every_coin_of_production() -> None:
    production = {
        "regions": ["us-east-1"],
        "name": "{coin}.example.com",
        "private_name": "{coin}.internal.example.com",
        "public_zone": cases.ZONE,
        "private_zone": cases.PRIVATE_ZONE,
        "certificates": {"us-east-1": f"arn:aws:acm:us-east-1:{cases.ACCOUNT}:certificate/1"},
    }
    stage = {**production, "name": "{coin}.stage.example.com", "private_name": None, "private_zone": None}
    parsed = config.parse(
        {
            "account": cases.ACCOUNT,
            "home_region": "us-east-1",
            "levels": {"prod": production, "stage": stage},
            "roles": {"administrators": [f"arn:aws:iam::{cases.ACCOUNT}:role/Platform"]},
        }
    )
    given = rights.guard(parsed, "aws")
    assert "arn:*:iam::*:role/Platform" in given["Administrators"].split(",")
    zones = {f"arn:aws:route53:::hostedzone/{zone}" for zone in (cases.ZONE, cases.PRIVATE_ZONE)}
    assert set(given["Zones"].split(",")) == zones
    wanted = {f"{coin.ticker}.{zone}" for coin in parsed.catalogue for zone in ("example.com", "internal.example.com")}
    assert set(given["LiveNames"].split(",")) == wanted
    assert set(given["NamesAbove"].split(",")) == {"com", "example.com", "internal.example.com"}
    assert set(given) <= set(templates.load(templates.GUARD)["Parameters"])
