"""The process end to end, by the real ``cq`` on the local AWS: two releases, the switch under load, the way back."""

from __future__ import annotations

import json
import threading

import pytest

from coinquery import naming
from coinquery.dns.record import canonical
from coinquery.local.demo.client import Report
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore
from coinquery.stacks.protection import Protector
from tests.loads import load
from tests.teams import REGION, TEST_REGION, Team

#: The calls that change the protection with which a stack is created.
PROTECTING = {"SetStackPolicy", "UpdateTerminationProtection"}


def _called(team: Team) -> list[str]:
    """Every operation that was called so far."""
    return [json.loads(line)["operation"] for line in team.world.state.calls.read_text().splitlines()]


@pytest.fixture(scope="module")
def called() -> list[str]:
    """What the process calls before a stack is retired, once it came there."""
    return []


@pytest.fixture(scope="module")
def two_stacks(team: Team, called: list[str]) -> tuple[Team, str, Report]:
    """Two releases deployed, the second given back, under load from the first moment on."""
    coin, before = team.coin("two", instances=2), len(_called(team))
    team.deploy(coin, "v1.0.0")
    with load(team, coin) as client:
        team.deploy(coin, "v1.1.0")
        team.must("rollback", coin, "--yes")
        assert team.run("retire", f"cq-{coin}-0001-prod", "--name", f"cq-{coin}-0001-prod").returncode == 3
        called += _called(team)[before:]
        _retire_when_quiet(team, f"cq-{coin}-0002-prod")
    return team, coin, client.report()


def _retire_when_quiet(team: Team, name: str) -> None:
    for _ in range(10):
        ran = team.run("retire", name, "--name", name)
        if ran.returncode == 0:
            return
        assert ran.returncode == 3, ran.stderr
        assert any(rung in ran.stderr for rung in ("no requests", "answer's time", "healthy successor")), ran.stderr
        threading.Event().wait(4)
    raise AssertionError(ran.stderr)


def test_i8_no_request_is_lost_by_deploy_switch_way_back_and_retirement(two_stacks: tuple[Team, str, Report]) -> None:
    team, _, report = two_stacks
    assert report.sent > 1000
    assert report.lost == 0, report.problems
    assert set(report.commits) == set(team.commits.values()), "the client saw both releases and nothing else"


def test_i8_the_client_can_see_a_loss(team: Team) -> None:
    """The same client, and a stack that is torn down while its record still leads to it."""
    coin = team.coin("torn")
    name = team.deploy(coin, "v1.0.0")["stack"]
    stack = team.stack(name)
    assert stack is not None
    with load(team, coin) as client:
        threading.Event().wait(2)
        cloudformation = team.world.aws.cloudformation(REGION)
        Protector(cloudformation, team.world.aws.elbv2(REGION)).lift(stack)
        cloudformation.delete_stack(StackName=name)
        threading.Event().wait(4)
    report = client.report()
    assert report.commits, "it was served before"
    assert report.lost > 0


def test_i10_the_way_back_leads_to_the_stack_before(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    first = team.stack(f"cq-{coin}-0001-prod")
    assert first is not None
    assert team.names(coin).leads_to(first.outputs)
    standing = team.names(coin).read()
    assert standing.private is not None
    assert canonical(standing.private.target) == canonical(first.outputs["InternalLoadBalancerDnsName"])


def test_i2_a_retired_number_stays_in_the_ledger(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    ledger = Ledger(ParameterStore(team.world.aws.ssm(REGION)))
    entry = ledger.entry(naming.parse(f"cq-{coin}-0002-prod"))
    assert entry is not None
    assert entry.commit == team.commits["v1.1.0"]
    assert team.stack(f"cq-{coin}-0002-prod") is None
    assert ledger.next_number(coin, "prod") == 3


def test_i11_retiring_what_is_retired_changes_nothing(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    ran = team.run("retire", f"cq-{coin}-0002-prod", "--name", f"cq-{coin}-0002-prod")
    assert ran.returncode == 0
    assert "is gone" in ran.stdout


def test_i5_the_live_stack_is_protected_and_its_deletion_refused(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    name = naming.parse(f"cq-{coin}-0001-prod")
    cloudformation, elbv2 = team.world.aws.cloudformation(REGION), team.world.aws.elbv2(REGION)
    protection = Protector(cloudformation, elbv2).read(name)
    assert protection.missing == ()
    assert len(protection.load_balancers) == 2
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName=str(name))
    with pytest.raises(cloudformation.exceptions.ClientError, match="stack policy"):
        cloudformation.update_stack(StackName=str(name), UsePreviousTemplate=True, Capabilities=["CAPABILITY_IAM"])


@pytest.mark.usefixtures("two_stacks")
def test_i5_protection_is_part_of_the_creation(called: list[str]) -> None:
    """No call switched protection on, nor off before a retirement: else there was a time without."""
    assert called.count("CreateStack") == 2
    assert PROTECTING.intersection(called) == set()


def test_what_is_announced(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    said = (team.world.state.root / "slack.jsonl").read_text("utf-8")
    for number, release in (("0001", "v1.0.0"), ("0002", "v1.1.0")):
        lines = [line for line in said.splitlines() if f"is live: cq-{coin}-{number}-prod" in line]
        assert len(lines) == 1, "each production stack once"
        for word in (release, team.commits[release][:12], REGION, coin, "CoinQuery demo", "Took"):
            assert word in lines[0]


def test_the_journal_tells_what_was_done(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    events = team.world.aws.logs(REGION).get_log_events(
        logGroupName="/coinquery/journal", logStreamName=f"cq-{coin}-0002-prod"
    )["events"]
    lines = [json.loads(event.get("message", "")) for event in events]
    done = [(line["what"], line["result"]) for line in lines]
    assert done == [
        ("create the stack", "begins"),
        ("create the stack", "done"),
        ("confirm the protection", "begins"),
        ("confirm the protection", "done"),
        ("switch the DNS", "begins"),
        ("switch the DNS", "done"),
        ("announce", "begins"),
        ("announce", "done"),
        ("deploy", "live"),
        ("give the name back", "begins"),
        ("give the name back", "done"),
        ("rollback", "given back"),
        ("retire", "begins"),
        ("lift the protection", "begins"),
        ("lift the protection", "done"),
        ("delete the stack", "begins"),
        ("delete the stack", "done"),
        ("retire", "done"),
    ]
    assert {line["why"].partition(",")[0] for line in lines} == {"cq deploy", f"cq rollback {coin}", "cq retire"}
    assert all(line["who"].startswith("arn:aws:") for line in lines)


def test_the_same_command_again_changes_nothing(two_stacks: tuple[Team, str, Report]) -> None:
    team, coin, _ = two_stacks
    again = team.deploy(coin, "v1.0.0")
    assert again["stack"] == f"cq-{coin}-0001-prod"
    entries = Ledger(ParameterStore(team.world.aws.ssm(REGION))).entries(f"/coinquery/stacks/{coin}")
    assert len(entries) == 2
    assert all(entry.by.startswith("arn:aws:") for entry in entries.values()), "the ledger says who reserved a number"


def test_a_release_that_was_given_back_is_not_taken_again_by_itself(team: Team) -> None:
    coin = team.coin("back")
    team.deploy(coin, "v1.0.0")
    team.deploy(coin, "v1.1.0")
    team.must("rollback", coin, "--yes")
    ran = team.run("deploy", coin, "--release", "v1.1.0", "--region", REGION, "--yes")
    assert ran.returncode == 3
    assert "given back" in ran.stderr
    assert "--new" in ran.stderr
    again = team.run("rollback", coin, "--yes")
    assert again.returncode == 3, "a command that is run again does not go back one more"
    assert f"was given back by cq-{coin}-0002-prod to cq-{coin}-0001-prod" in again.stderr
    further = team.run("rollback", coin, "--from", f"cq-{coin}-0001-prod", "--yes")
    assert further.returncode == 3
    assert "led nowhere" in further.stderr


def test_below_production_any_commit_goes_to_a_region_of_its_own(team: Team) -> None:
    team.must("bootstrap", "--region", TEST_REGION, "--yes")
    coin = team.coin("low")
    team.repository.git("checkout", "--quiet", "-b", "feature")
    (team.repository.folder / "FEATURE").write_text("new", "utf-8")
    team.repository.git("add", "--all")
    team.repository.git("commit", "--quiet", "--message", "not on master")
    commit = team.repository.head()
    team.build(commit)
    team.repository.git("checkout", "--quiet", "master")
    printed = team.must("deploy", coin, "--release", commit, "--level", "test", "--yes", "--json")
    result = json.loads(printed)
    assert (result["stack"], result["region"]) == (f"cq-{coin}-0001-test", TEST_REGION)
    assert result["name"] == f"{coin}.test.example.com"
    stack = team.stack(f"cq-{coin}-0001-test", TEST_REGION)
    assert stack is not None
    assert not stack.protected
    retired = team.run("retire", f"cq-{coin}-0001-test")
    assert retired.returncode == 3, "live, whatever its level"
