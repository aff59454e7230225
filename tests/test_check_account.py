"""``cq check`` in an account: what a region lacks, who is not bound by the guard, what production lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from coinquery import cli, config, naming
from coinquery.check import account, guard, identities, organization, region
from coinquery.check.finding import Finding, leaves
from coinquery.config import Config
from coinquery.monitor.configuration import LOG_GROUP
from coinquery.monitor.sweep_log import SWEEPS, Ended, SweepLog
from coinquery.stacks import foundation, inventory, template
from coinquery.stacks import stack as stacks
from coinquery.stacks.guard import arns
from tests.worlds import World

pytestmark = pytest.mark.local_aws
HOME, ELSEWHERE = "us-east-1", "eu-central-7"
ACCOUNT = "000000000000"
NOW = datetime.now(UTC).replace(microsecond=0)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def path(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cq.toml whose home is bootstrapped, and whose other region of production is not."""
    path = tmp_path_factory.mktemp("check") / "cq.toml"
    local = config.load(str(world.state.root / "cq.toml"))
    level = local.level("prod")
    path.write_text(
        f"""
        account = "{ACCOUNT}"
        home_region = "{HOME}"
        [network]
        nat = "none"
        [monitor]
        runtime = "{local.monitor.runtime}"
        architecture = "{local.monitor.architecture}"
        composite_alarm = false
        [slack]
        webhook = "secretsmanager:coinquery/slack"
        [levels.prod]
        regions = ["{HOME}", "{ELSEWHERE}"]
        name = "{{coin}}.example.com"
        public_zone = "{level.public_zone}"
        certificates = {{ {HOME} = "{level.certificates[HOME]}", {ELSEWHERE} = "{level.certificates[HOME]}" }}
        """
    )
    assert cli.run(["--config", str(path), "bootstrap", "--region", HOME, "--yes"]) == 0
    events = boto3.client("events", region_name=HOME)
    events.disable_rule(Name="coinquery-monitor")  # what the tests write is what the monitor is said to have seen
    return path


@pytest.fixture
def configured(path: Path) -> Config:
    return config.load(str(path))


@pytest.fixture
def iam(world: World) -> Iterator[Any]:
    """IAM; the roles and users that a test made are gone after it."""
    client = world.aws.iam(HOME)
    yield client
    for kind in ("role", "user"):
        name = f"{kind.title()}Name"
        for each in getattr(client, f"list_{kind}s")()[f"{kind.title()}s"]:
            if each["Path"] == "/check/":
                attached = getattr(client, f"list_attached_{kind}_policies")(**{name: each[name]})
                for policy in attached["AttachedPolicies"]:
                    getattr(client, f"detach_{kind}_policy")(**{name: each[name], "PolicyArn": policy["PolicyArn"]})
                for group in client.list_groups_for_user(UserName=each[name])["Groups"] if kind == "user" else ():
                    client.remove_user_from_group(GroupName=group["GroupName"], UserName=each[name])
                getattr(client, f"delete_{kind}")(**{name: each[name]})


def named(finding: Finding) -> dict[str, Finding]:
    return {each.title: each for each in leaves(finding)}


def bare(world: World) -> set[str]:
    return set(identities.without(world.aws.iam(HOME), arns("aws", ACCOUNT)))


# ---- Regions


def test_what_a_region_lacks_is_named_with_what_mends_it(world: World, configured: Config) -> None:
    found = region.check(world.aws, configured, ELSEWHERE, NOW)
    assert found.state == "missing"
    for title in ("home region", "network", "monitor's configuration", "monitor"):
        assert named(found)[title].mend == f"Run: cq bootstrap --region {ELSEWHERE}"
    assert "there is no certificate" in named(found)["certificate of prod"].saw
    assert "create-repository" in named(found)["image repository"].mend


def test_a_bootstrapped_region_needs_a_monitor_that_sweeps(world: World, configured: Config) -> None:
    log = SweepLog(world.aws.logs(HOME))
    _forget_sweeps(world)
    for at, state in ((NOW - timedelta(minutes=4), "missing"), (NOW, "ok")):
        log.write(Ended(time=at, sweep=f"check-{at:%H%M}", region=HOME, by="monitor", seconds=1))
        found = named(region.check(world.aws, configured, HOME, NOW + timedelta(seconds=1)))
        assert found.pop("monitor").state == state
        assert {each.state for each in found.values()} == {"ok"}, found


def test_i5_a_network_without_its_tag_is_told_and_bootstrap_gives_it_back(
    world: World, path: Path, configured: Config
) -> None:
    """As one that was made before there was a tag; what a team tagged itself stays."""
    cloudformation = world.aws.cloudformation(HOME)
    own: Any = {"Key": "team", "Value": "nodes"}
    (described,) = cloudformation.describe_stacks(StackName="coinquery-network")["Stacks"]
    given: Any = [{"ParameterKey": p["ParameterKey"], "UsePreviousValue": True} for p in described["Parameters"]]
    cloudformation.update_stack(
        StackName="coinquery-network",
        UsePreviousTemplate=True,
        Parameters=given,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[own],
    )
    found = named(region.check(world.aws, configured, HOME, NOW))["network"]
    assert (found.state, found.mend) == ("missing", f"Run: cq bootstrap --region {HOME}")
    assert cli.run(["--config", str(path), "bootstrap", "--region", HOME, "--yes"]) == 0
    assert named(region.check(world.aws, configured, HOME, NOW))["network"].state == "ok"
    (described,) = cloudformation.describe_stacks(StackName="coinquery-network")["Stacks"]
    assert own in described["Tags"]


def test_an_account_without_production_can_be_checked(world: World, path: Path, tmp_path: Path) -> None:
    stage = tmp_path / "cq.toml"
    stage.write_text(path.read_text("utf-8").replace("[levels.prod]", "[levels.stage]"))
    found = region.check(world.aws, config.load(str(stage)), HOME, NOW)
    assert "certificate of stage" in named(found)


def _forget_sweeps(world: World) -> None:
    """Take away what other tests' monitors left in the shared account."""
    logs = world.aws.logs(HOME)
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_stream(logGroupName=LOG_GROUP, logStreamName=SWEEPS)


# ---- The guard


def test_every_role_and_user_is_listed_until_it_carries_all_policies(world: World, iam: Any) -> None:
    iam.create_role(RoleName="check-bare", Path="/check/", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName="check-jane", Path="/check/")
    assert {"role/check-bare", "user/check-jane"} <= bare(world)
    for arn in arns("aws", ACCOUNT):
        assert "role/check-bare" in bare(world), "a part of the guard is not the guard"
        iam.attach_role_policy(RoleName="check-bare", PolicyArn=arn)
        iam.attach_user_policy(UserName="check-jane", PolicyArn=arn)
    assert not {"role/check-bare", "user/check-jane"} & bare(world)


def test_a_group_is_no_carrier_since_who_leaves_it_is_free(world: World, iam: Any) -> None:
    iam.create_user(UserName="check-joe", Path="/check/")
    iam.create_group(GroupName="check-all")
    for arn in arns("aws", ACCOUNT):
        iam.attach_group_policy(GroupName="check-all", PolicyArn=arn)
    iam.add_user_to_group(GroupName="check-all", UserName="check-joe")
    assert "user/check-joe" in bare(world)


def test_roles_of_services_and_our_own_are_left_out(world: World, iam: Any) -> None:
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    iam.create_role(RoleName="cq-eth-0001-prod-InstanceRole-1A2B", Path="/coinquery/", AssumeRolePolicyDocument=TRUST)
    paths = {f"role/{each['RoleName']}": each["Path"] for each in iam.list_roles()["Roles"]}
    left_out = {name for name, path in paths.items() if path.startswith(("/coinquery/", "/aws-service-role/"))}
    assert len(left_out) > 2
    assert not left_out & bare(world)


@pytest.mark.parametrize(("name", "path"), [("check-own", "/coinquery/"), ("coinquery-deployer-2", "/check/")])
def test_what_only_looks_like_our_own_is_listed(world: World, iam: Any, name: str, path: str) -> None:
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)
    try:
        assert f"role/{name}" in bare(world)
    finally:
        iam.delete_role(RoleName=name)


def test_the_guard_is_missing_as_long_as_anyone_is_free(world: World, configured: Config, iam: Any) -> None:
    assert named(guard.check(world.aws, configured))["policies"].state == "ok"
    iam.create_role(RoleName="check-free", Path="/check/", AssumeRolePolicyDocument=TRUST)
    found = named(guard.check(world.aws, configured))
    assert found["roles and users"].state == "missing"
    assert "role/check-free" in found["roles and users"].concerned
    assert "docs/guard.md" in found["roles and users"].mend
    assert found["organisation"].state == "missing"


def test_names_that_the_guard_does_not_know_are_told(world: World, path: Path, tmp_path: Path) -> None:
    """A coin that was added after `cq bootstrap` is not guarded yet; whoever is let through and went is told, too."""
    changed = tmp_path / "cq.toml"
    changed.write_text(path.read_text("utf-8").replace("{coin}.example.com", "{coin}.new.example.com"))
    found = named(guard.check(world.aws, config.load(str(changed))))["policies"]
    assert (found.state, found.mend) == ("missing", f"Run: cq bootstrap --region {HOME}")
    assert {"eth.new.example.com", "eth.example.com"} <= set(found.concerned)


def test_i5_a_guard_that_was_changed_by_hand_is_told(world: World, configured: Config, iam: Any) -> None:
    """Its name and its attachments are as before, and it denies nothing any more."""
    arn, *_ = arns("aws", ACCOUNT)
    whole = {"Version": "2012-10-17", "Statement": organization.statements(iam, [arn])}
    nothing = {"Sid": "ByName", "Effect": "Deny", "Action": "s3:CreateBucket", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    try:
        found = named(guard.check(world.aws, configured))["policies"]
    finally:
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(whole), SetAsDefault=True)
    assert found.state == "missing"
    assert {"ByName", "ByTag", "Records"} <= set(found.concerned)
    assert "set-default-policy-version" in found.mend
    assert named(guard.check(world.aws, configured))["policies"].state == "ok"


def test_i5_chain_data_that_the_guard_does_not_know_is_told(world: World) -> None:
    ec2 = world.aws.ec2(HOME)
    volume = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    found = region._snapshot(world.aws, HOME, snapshot)
    assert isinstance(found, Finding)
    assert f"--resources {snapshot}" in found.mend
    ec2.create_tags(Resources=[snapshot], Tags=[{"Key": "coinquery:level", "Value": "prod"}])
    assert region._snapshot(world.aws, HOME, snapshot) == f"{snapshot} is complete, and guarded"


def test_the_service_control_policies_are_the_guard_as_it_stands(
    world: World, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run(["--config", str(path), "check", "--scp"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) < 10_240 for line in lines] == [True, True, True]
    statements = [statement for line in lines for statement in json.loads(line)["Statement"]]
    (network,) = (each for each in statements if each["Sid"] == "Network")
    assert f"aws:ResourceTag/{foundation.PART_TAG}" in network["Condition"]["Null"]
    assert {each["Sid"] for each in statements} >= {"ByName", "ByTag", "LiveNames", "Zones", "Evidence"}
    assert statements == organization.statements(world.aws.iam(HOME), arns("aws", ACCOUNT))


def test_an_organisation_binds_by_all_statements_on_the_account_or_above(world: World) -> None:
    organizations = world.aws.organizations(HOME)
    wanted = organization.statements(world.aws.iam(HOME), arns("aws", ACCOUNT))
    assert organization.is_member(organizations, ACCOUNT) is False  # it is the management account
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="production")["OrganizationalUnit"]["Id"]
    status = organizations.create_account(Email="production@example.com", AccountName="production")
    member = status["CreateAccountStatus"]["AccountId"]
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    assert organization.is_member(organizations, member) is True
    assert not organization.binds(organizations, member, wanted)
    halves = {"first": (wanted[:4], root), "second": (wanted[4:], unit)}
    for name, (statements, target) in halves.items():
        assert not organization.binds(organizations, member, wanted)
        policy = organizations.create_policy(
            Name=name,
            Description="half of the guard",
            Type="SERVICE_CONTROL_POLICY",
            Content=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=policy, TargetId=target)
    assert organization.binds(organizations, member, wanted)


# ---- The command


def test_i5_production_that_lost_its_protection_is_named(world: World, configured: Config) -> None:
    cloudformation = world.aws.cloudformation(HOME)
    body = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}})
    cloudformation.create_stack(StackName="cq-ltc-7001-prod", TemplateBody=body)
    try:
        found = named(account.check(world.aws, configured, [HOME], NOW))["cq-ltc-7001-prod"]
        assert found.state == "missing"
        assert found.saw == "termination protection, stack policy: missing"
    finally:
        cloudformation.delete_stack(StackName="cq-ltc-7001-prod")


def the_one_stack(world: World, configured: Config) -> Finding:
    found = account._production(world.aws, [HOME])
    assert isinstance(found, Finding)
    (stack,) = leaves(found)
    return stack


@pytest.mark.parametrize("status", ["DELETE_FAILED", "UPDATE_ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_i5_production_that_failed_is_named_with_its_status_and_its_protection(
    world: World, configured: Config, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """A name may lead there: nobody but its status tells a live stack that failed from one that never came up."""
    cloudformation = world.aws.cloudformation(HOME)
    body = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}})
    cloudformation.create_stack(StackName="cq-ltc-7002-prod", TemplateBody=body)
    made = stacks.read(cloudformation, naming.parse("cq-ltc-7002-prod"))
    assert made is not None
    failed = replace(made, status=status)
    monkeypatch.setattr(inventory, "everywhere", lambda *_: [failed, replace(failed, status="DELETE_IN_PROGRESS")])
    try:
        bare = the_one_stack(world, configured)
        cloudformation.set_stack_policy(
            StackName="cq-ltc-7002-prod", StackPolicyBody=template.text(template.STACK_POLICY)
        )
        failed = replace(failed, protected=True)
        whole = the_one_stack(world, configured)
    finally:
        cloudformation.delete_stack(StackName="cq-ltc-7002-prod")
    assert (bare.state, whole.state) == ("missing", "missing")
    assert bare.saw == f"it is {status}; termination protection, stack policy: missing"
    assert whole.saw == f"it is {status}; protected in full"
    assert "cq status cq-ltc-7002-prod" in whole.mend
    assert ("docs/process.md, step 6" in bare.mend) == (not status.startswith("DELETE"))
    assert "docs/process.md" not in whole.mend


def test_the_command_says_what_is_missing_and_fails(
    world: World, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run(["--config", str(path), "check"]) == 1
    said = capsys.readouterr()
    assert f"✗ {ELSEWHERE}" in said.out
    assert f"Run: cq bootstrap --region {ELSEWHERE}" in said.out
    assert "checks are not ok" in said.err
    code = cli.run(["--config", str(path), "check", "--json", "--region", HOME])
    document = json.loads(capsys.readouterr().out)
    assert document["check"]["check"] == f"account {ACCOUNT}"
    assert ELSEWHERE not in [each["check"] for each in document["check"]["checks"]]
    assert document["ok"] is (code == 0)


def test_i14_the_webhook_is_looked_for_and_not_shown(
    world: World, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook = world.aws.secrets(HOME).get_secret_value(SecretId="coinquery/slack")["SecretString"]
    cli.run(["--config", str(path), "--debug", "check", "--json"])
    said = capsys.readouterr()
    assert "secretsmanager:coinquery/slack can be read" in said.out
    assert webhook not in said.out + said.err


def test_a_region_that_no_level_uses_is_wrong_use(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--config", str(path), "check", "--region", "ap-south-9"]) == 2
    assert HOME in capsys.readouterr().err
