"""The small part of the fault run: the catalogue is what boto3 knows from AWS, and a deploy bears lost answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from coinquery.aws import ATTEMPTS, Aws, explain, passes
from coinquery.errors import ClockWrong
from tests.chaos import part
from tests.chaos.account import Account
from tests.chaos.fault_kinds import KINDS, First, Kind, Skewed, concurrent
from tests.chaos.faults import Matrix
from tests.chaos.proxy import Intervention, between
from tests.chaos.right import account_problems, ended_properly
from tests.chaos.shop import Shop
from tests.monitored import Background

HOME = "us-east-1"
#: A call of each service, and how AWS says there that it was one too many.
CALLS: list[tuple[str, Callable[[Any], object], str, int]] = [
    ("cloudformation", lambda c: c.describe_stacks(), "Throttling", 400),
    ("ec2", lambda c: c.describe_instances(), "RequestLimitExceeded", 503),
    ("elbv2", lambda c: c.describe_load_balancers(), "Throttling", 400),
    ("sts", lambda c: c.get_caller_identity(), "Throttling", 400),
    ("cloudwatch", lambda c: c.list_metrics(), "Throttling", 400),
    ("route53", lambda c: c.list_hosted_zones(), "Throttling", 400),
    ("ssm", lambda c: c.get_parameter(Name="/x"), "ThrottlingException", 400),
    ("logs", lambda c: c.describe_log_groups(), "ThrottlingException", 400),
    ("secretsmanager", lambda c: c.get_secret_value(SecretId="x"), "ThrottlingException", 400),
    ("ecr", lambda c: c.describe_repositories(), "ThrottlingException", 400),
    ("acm", lambda c: c.list_certificates(), "ThrottlingException", 400),
    ("lambda", lambda c: c.list_functions(), "TooManyRequestsException", 429),
    ("s3", lambda c: c.list_buckets(), "SlowDown", 503),
]
BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


def ask_once(
    background: Background, fault: Intervention, service: str, act: Callable[[Any], object], patience: float = 20
) -> Exception:
    """What boto3 raises of a fault, without repeats; an answer is waited for so many seconds."""
    with between(background, "127.0.0.1", "http://127.0.0.1:9", fault) as proxy:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=patience)
        session = boto3.session.Session("a", "b", region_name=HOME)
        client = session.client(service, endpoint_url=proxy.url, config=config)  # type: ignore[call-overload]
        with pytest.raises((ClientError, ConnectionError, HTTPClientError)) as caught:
            act(client)
    return caught.value


@pytest.mark.parametrize(("service", "act", "code", "status"), CALLS, ids=[call[0] for call in CALLS])
def test_i12_each_service_refuses_what_is_one_too_many_in_its_own_words(
    background: Background, service: str, act: Callable[[Any], object], code: str, status: int
) -> None:
    error = ask_once(background, First(BY_NAME["throttled twice"]), service, act)
    assert isinstance(error, ClientError)
    assert error.response["Error"]["Code"] == code
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert passes(error)


#: What is answered in AWS's words; of TooManyUpdates only who creates parameters knows, and tries again himself.
ANSWERED = [k for k in KINDS if "took effect" not in k.name and k.may_stop and k.do is not concurrent]


@pytest.mark.parametrize("kind", ANSWERED, ids=lambda k: k.name)
def test_i12_what_passes_is_known_for_it(background: Background, kind: Kind) -> None:
    always = replace(kind, happens_to=lambda _: True)
    assert passes(ask_once(background, First(always), "route53", lambda c: c.list_hosted_zones(), patience=1))


@pytest.mark.parametrize(("service", "act"), [(call[0], call[1]) for call in CALLS], ids=[call[0] for call in CALLS])
def test_i12_a_clock_that_is_wrong_is_told_as_that(
    background: Background, service: str, act: Callable[[Any], object]
) -> None:
    error = ask_once(background, Skewed(), service, act)
    assert isinstance(explain(error), ClockWrong)
    assert not passes(error)


def test_a_fault_that_happened_to_no_command_is_a_problem() -> None:
    begin: Any = None
    matrix: Matrix[object] = Matrix(begin)
    matrix.meet("late ssm", lambda it: it.row("ls", "ssm read late", 0, []))
    matrix.meet("late ec2", lambda it: it.row("ls", "ec2 read late", 3, []))
    assert [(row.what, row.tried, row.right) for row in matrix.rows] == [("late ssm", 1, 0), ("ec2 read late", 3, 3)]


def test_i12_the_environment_changes_no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "50")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    clients: list[Any] = [Aws().ssm(HOME), Aws().functions(HOME)]
    retries = [client.meta.config.retries for client in clients]
    assert [each["mode"] for each in retries] == ["standard"] * 2
    assert [each["total_max_attempts"] for each in retries] == [ATTEMPTS, 1]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with part.shop(2) as opened:
        yield opened


@pytest.mark.local_aws
def test_i11_i12_a_deploy_and_its_repetition_bear_every_lost_answer(shop: Shop) -> None:
    """Each operation's first answer is lost after it took effect; the account is as if none had been."""
    undisturbed, disturbed = shop.coin(), shop.coin()
    shop.must(*shop.deploy(undisturbed))
    first = First(BY_NAME["connection reset after it took effect"])
    ran = shop.run(*shop.deploy(disturbed), interventions=(first,))
    assert (ran.code, ended_properly(ran)) == (0, []), ran.said
    assert len(first.operations) > 15
    assert account_problems(shop, disturbed, Account.of(shop, undisturbed)) == []
