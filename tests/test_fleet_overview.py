"""What ``cq ls`` calls a stack: where clients are led counts before all else (I3, I9)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coinquery import naming
from coinquery.dns.names import Standing
from coinquery.dns.record import Alias
from coinquery.fleet import overview
from coinquery.stacks.stack import Stack

OURS, OTHER = "cq-eth-0001-prod-1.us-east-1.elb.amazonaws.com", "cq-eth-0002-prod-1.us-east-1.elb.amazonaws.com"
THERE, ELSEWHERE = (
    Standing(public=Alias(name="eth.example.com", target=target, target_zone="Z1", evaluate_health=False))
    for target in (OURS, OTHER)
)


@pytest.mark.parametrize(
    ("status", "standing", "role"),
    [
        ("CREATE_COMPLETE", THERE, "live"),
        ("CREATE_COMPLETE", ELSEWHERE, "standby"),
        ("CREATE_COMPLETE", Standing(public=None), "standby"),
        ("CREATE_COMPLETE", None, "unknown"),
        ("CREATE_IN_PROGRESS", ELSEWHERE, "in progress"),
        ("ROLLBACK_COMPLETE", ELSEWHERE, "failed"),
        ("DELETE_IN_PROGRESS", ELSEWHERE, "failed"),
        ("DELETE_IN_PROGRESS", THERE, "live"),
        ("UPDATE_COMPLETE", THERE, "live"),
        ("UPDATE_ROLLBACK_COMPLETE", ELSEWHERE, "standby"),
        ("UPDATE_IN_PROGRESS", ELSEWHERE, "in progress"),
        ("DELETE_FAILED", THERE, "live"),
    ],
)
def test_a_stack_that_clients_are_led_to_is_live_whatever_becomes_of_it(
    status: str, standing: Standing | None, role: str
) -> None:
    stack = Stack(
        name=naming.parse("cq-eth-0001-prod"),
        region="us-east-1",
        arn="arn:aws:cloudformation:us-east-1:000000000000:stack/cq-eth-0001-prod/1",
        status=status,
        protected=True,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        tags={},
        outputs={"LoadBalancerDnsName": OURS},
        parameters={},
    )
    assert overview.role(stack, standing) == role
