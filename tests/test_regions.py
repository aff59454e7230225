"""A region that does not answer hides nothing of the others, and nothing of it is claimed (I13)."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from coinquery import regions
from coinquery.dns.names import Standing
from coinquery.dns.record import Alias
from coinquery.errors import AwsUnreachable, NotPermitted
from coinquery.stacks.inventory import Inventory

DENIED = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item]
    "DescribeStacks",
)


@pytest.fixture
def hung() -> Event:
    return Event()


def _look(hung: Event) -> Callable[[str], str]:
    def look(region: str) -> str:
        if region == "hangs":
            hung.wait(20)
        if region == "denies":
            raise DENIED
        if region == "breaks":
            raise EndpointConnectionError(endpoint_url="https://cloudformation.breaks")
        return f"of {region}"

    return look


def test_i13_those_that_answer_are_not_kept_waiting_and_those_that_do_not_are_named(hung: Event) -> None:
    began = time.monotonic()
    seen = regions.ask(("one", "hangs", "denies", "breaks", "two"), _look(hung), patience=0.5)
    hung.set()
    assert time.monotonic() - began < 10
    assert seen.given == {"one": "of one", "two": "of two"}
    kinds = {region: type(error) for region, error in seen.unanswered.items()}
    assert kinds == {"denies": NotPermitted, "breaks": AwsUnreachable, "hangs": AwsUnreachable}
    assert "AWS in hangs gave no answer within 0.5 s" in seen.unanswered["hangs"].what


@pytest.mark.parametrize("patience", [0.01, None])
def test_the_only_region_that_answers_is_waited_for(patience: float | None) -> None:
    def look(region: str) -> str:
        time.sleep(0.2)
        return region

    assert regions.ask(("slow",), look, patience).given == {"slow": "slow"}


def test_where_no_region_answers_it_is_said_why(hung: Event) -> None:
    with pytest.raises(NotPermitted):
        regions.ask(("denies",), _look(hung))


def test_what_is_no_answer_of_aws_goes_on() -> None:
    def look(region: str) -> None:
        raise KeyError(region)

    with pytest.raises(KeyError):
        regions.ask(("one", "two"), look)


@pytest.mark.parametrize(
    ("target", "unanswered", "name"),
    [
        ("cq-eth-0002-prod-17.eu-west-1.elb.amazonaws.com.", True, "cq-eth-0002-prod"),
        ("dualstack.cq-eth-0002-prod-17.eu-west-1.elb.amazonaws.com.", True, "cq-eth-0002-prod"),
        ("internal-cq-eth-0002-prod-int-17.eu-west-1.elb.amazonaws.com.", True, "cq-eth-0002-prod"),
        ("cq-eth-0002-prod-17.eu-west-1.elb.amazonaws.com.", False, None),
        ("cq-eth-0002-prod-17.us-east-1.elb.amazonaws.com.", True, None),
        ("somebodys-17.eu-west-1.elb.amazonaws.com.", True, None),
        ("cq-eth-0002-prod-17.example.com.", True, None),
    ],
)
def test_a_stack_in_a_silent_region_is_told_by_the_name_of_its_load_balancer(
    target: str, unanswered: bool, name: str | None
) -> None:
    error = AwsUnreachable("AWS does not answer", "Wait.")
    inventory = Inventory((), {"eu-west-1": error} if unanswered else {})
    alias = Alias(name="eth.example.com.", target=target, target_zone="Z1")
    named = inventory.named(alias)
    assert (None if named is None else str(named)) == name
    assert inventory.led_to(Standing(public=alias)) == ({name} if name else set())
    if unanswered:
        with pytest.raises(AwsUnreachable):
            inventory.find("cq-eth-0002-prod")
    else:
        assert inventory.find("cq-eth-0002-prod") is None
