"""What a rollout never does: take over a stack, run twice, show a secret (I2, I4, I14)."""

from __future__ import annotations

import json

from coinquery import naming
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore
from tests.teams import REGION, Team

#: The path of the local webhook: what must be nowhere but in Secrets Manager.
SECRET = "/services/T0/B0"
EMPTY = "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}"


def test_i4_a_stack_of_that_name_that_is_not_this_rollouts_is_a_refusal(team: Team) -> None:
    coin = team.coin("taken")
    cloudformation = team.world.aws.cloudformation(REGION)
    cloudformation.create_stack(StackName=f"cq-{coin}-0001-prod", TemplateBody=EMPTY)
    ran = team.run("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes")
    assert ran.returncode == 3, ran.stderr
    assert f"a stack cq-{coin}-0001-prod exists and belongs to nobody" in ran.stderr
    (described,) = cloudformation.describe_stacks(StackName=f"cq-{coin}-0001-prod")["Stacks"]
    assert not described.get("Tags"), "it was left alone"
    assert team.names(coin).read().public is None


def test_i4_a_stack_without_our_tags_is_not_retired(team: Team) -> None:
    team.world.aws.cloudformation(REGION).create_stack(StackName="cq-doge-0042-prod", TemplateBody=EMPTY)
    ran = team.run("retire", "cq-doge-0042-prod", "--name", "cq-doge-0042-prod")
    assert ran.returncode == 3
    assert "cq did not make it" in ran.stderr
    assert team.stack("cq-doge-0042-prod") is not None


def test_i2_the_same_command_three_times_at_once_makes_one_stack(team: Team) -> None:
    coin = team.coin("thrice")
    words = ("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes", "--json")
    runs = [team.start(*words) for _ in range(3)]
    ended = [(run.communicate(timeout=400), run.returncode) for run in runs]
    assert [code for _, code in ended] == [0, 0, 0], [said for (_, said), _ in ended]
    assert {json.loads(printed)["stack"] for (printed, _), _ in ended} == {f"cq-{coin}-0001-prod"}
    assert len(Ledger(ParameterStore(team.world.aws.ssm(REGION))).entries(f"/coinquery/stacks/{coin}")) == 1
    said = (team.world.state.root / "slack.jsonl").read_text("utf-8")
    announced = [line for line in said.splitlines() if f"is live: cq-{coin}-0001-prod" in line]
    assert sum("Possible repeat" not in line for line in announced) == 1


def test_i14_the_webhook_is_nowhere_but_in_its_secret(team: Team) -> None:
    coin = team.coin("hush")
    ran = team.run("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes", "--json")
    assert ran.returncode == 0, ran.stderr
    name = naming.parse(f"cq-{coin}-0001-prod")
    logs, cloudformation = team.world.aws.logs(REGION), team.world.aws.cloudformation(REGION)
    shown = [
        ran.stdout,
        ran.stderr,
        team.must("status", str(name)),
        repr(cloudformation.describe_stacks(StackName=str(name))),
        repr(cloudformation.get_template(StackName=str(name))),
        repr(logs.get_log_events(logGroupName="/coinquery/journal", logStreamName=str(name))),
        repr(logs.get_log_events(logGroupName="/coinquery/monitor", logStreamName=str(name))),
        repr(ParameterStore(team.world.aws.ssm(REGION)).below("/coinquery")),
        team.path.read_text("utf-8"),
    ]
    assert not [text for text in shown if SECRET in text]
    secret = team.world.aws.secrets(REGION).get_secret_value(SecretId="coinquery/slack")["SecretString"]
    assert secret.endswith(SECRET), "the test looks for what is really there"
