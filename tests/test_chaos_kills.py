"""The small part of the kill run (I11): the most dangerous moment of each command in a life (I2, I5, I9, I10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos import part
from tests.chaos.chains import BACK, CHAINS, FIRST, RETIRE, SECOND, Chains, Command, Kills, Result, prepare
from tests.chaos.points import AFTER, BEFORE, Point
from tests.chaos.sight import KILLED, not_seen_by_kills

pytestmark = pytest.mark.local_aws

ROLLOUTS = "ssm:PutParameter /coinquery/rollouts/COIN/prod/us-east-1"
RECORDS = "route53:ChangeResourceRecordSets /2013-04-01/hostedzone"
LIFE: tuple[tuple[Command, Point], ...] = (
    (FIRST, Point(AFTER, "cloudformation:CreateStack cq-COIN-0001-prod")),
    (SECOND, Point(AFTER, f"{RECORDS}/private/rrset/")),
    (BACK, Point(BEFORE, f"{RECORDS}/public/rrset/")),
    (RETIRE, Point(AFTER, f"{ROLLOUTS}/v1.1.0/1/retired")),
)
KILLS = [Kills(command.title, (point,)) for command, point in LIFE]


@pytest.fixture(scope="module")
def chains() -> Iterator[Chains]:
    """A life that nobody disturbed."""
    with part.shop(4) as shop:
        prepare(shop)
        chains = Chains(shop)
        assert chains.undisturbed("back") == []
        yield chains


@pytest.fixture(scope="module")
def results(chains: Chains) -> dict[Kills, Result]:
    """What became of each kill."""
    return {result.kills: result for result in chains.disturbed("back", KILLS)}


@pytest.mark.parametrize("kills", KILLS, ids=str)
def test_i11_a_command_that_was_killed_is_carried_on_to_the_same_end(
    results: dict[Kills, Result], kills: Kills
) -> None:
    assert [command.title for command in CHAINS["back"]].count(kills.command) == 1
    assert kills in results, "an earlier command of that coin did not end right"
    assert results[kills].missed == []
    assert results[kills].problems == []


def test_i11_a_planted_bug_is_seen(chains: Chains) -> None:
    """And nothing is seen of the same kill without it; the others are the chaos run's."""
    assert not_seen_by_kills(chains, KILLED[1]) == []
