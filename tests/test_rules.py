"""Each rule of the AWS rule table, through boto3: what AWS refuses is refused here."""

from __future__ import annotations

import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from coinquery.bootstrap.steps import InfrastructureStack
from coinquery.local import rules
from coinquery.rollout.step import Outcome
from tests.worlds import World

pytestmark = pytest.mark.local_aws
HOME = "us-east-1"

PARAMETER = """
Resources:
  Kept:
    Type: AWS::SSM::Parameter
    Properties: {{Type: String, Value: {value}, Name: /rules/{name}}}
"""
ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      {name}
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}
"""
DENY_ALL = json.dumps({"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]})


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("properties", "given", "accepted"),
    [
        ("", [], False),
        ("", ["CAPABILITY_IAM"], True),
        ("", ["CAPABILITY_NAMED_IAM"], True),
        ("RoleName: {name}", ["CAPABILITY_IAM"], False),
        ("RoleName: {name}", ["CAPABILITY_NAMED_IAM"], True),
    ],
)
def test_iam_resources_need_their_capability(world: World, properties: str, given: list[Any], accepted: bool) -> None:
    name = unique("role")
    template = ROLE.format(name=properties.format(name=name))
    cloudformation = world.aws.cloudformation(HOME)

    def create() -> object:
        return cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=given)

    if accepted:
        create()
    else:
        assert refusal(create) == "InsufficientCapabilitiesException"
        assert refusal(lambda: cloudformation.describe_stacks(StackName=name)) == "ValidationError"


def test_a_create_with_the_same_token_is_one_create(world: World) -> None:
    name, cloudformation = unique("token"), world.aws.cloudformation(HOME)
    template = PARAMETER.format(name=name, value="a")

    def create(token: str) -> str:
        return cloudformation.create_stack(StackName=name, TemplateBody=template, ClientRequestToken=token)["StackId"]

    assert create("first") == create("first")
    assert refusal(lambda: create("second")) == "AlreadyExistsException"
    assert (
        refusal(lambda: cloudformation.create_stack(StackName=name, TemplateBody=template)) == "AlreadyExistsException"
    )


def test_a_deleted_stack_is_created_anew_with_the_token_of_before(world: World) -> None:
    name, cloudformation = unique("token"), world.aws.cloudformation(HOME)
    template = PARAMETER.format(name=name, value="a")

    def create() -> str:
        return cloudformation.create_stack(StackName=name, TemplateBody=template, ClientRequestToken="t")["StackId"]

    first = create()
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert create() != first
    assert cloudformation.describe_stacks(StackName=name)["Stacks"]


def test_creates_with_the_same_token_at_once_are_one_create(world: World) -> None:
    name, cloudformation = unique("token"), world.aws.cloudformation(HOME)
    template = PARAMETER.format(name=name, value="a")
    answers: list[str] = []

    def create() -> None:
        arguments: dict[str, Any] = {"StackName": name, "TemplateBody": template, "ClientRequestToken": "one"}
        answers.append(cloudformation.create_stack(**arguments)["StackId"])

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1


def test_i5_a_stack_policy_that_denies_every_update_refuses_updates(world: World) -> None:
    name, cloudformation = unique("policy"), world.aws.cloudformation(HOME)
    template = PARAMETER.format(name=name, value="a")
    cloudformation.create_stack(StackName=name, TemplateBody=template, StackPolicyBody=DENY_ALL)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    changed = PARAMETER.format(name=name, value="b")

    assert refusal(lambda: cloudformation.update_stack(StackName=name, TemplateBody=changed)) == "ValidationError"
    made = cloudformation.create_change_set(StackName=name, TemplateBody=changed, ChangeSetName="c")
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName=name, ChangeSetName="c", WaiterConfig={"Delay": 1}
    )
    assert refusal(lambda: cloudformation.execute_change_set(StackName=name, ChangeSetName="c")) == "ValidationError"
    assert refusal(lambda: cloudformation.execute_change_set(ChangeSetName=made["Id"])) == "ValidationError"
    assert world.aws.ssm(HOME).get_parameter(Name=f"/rules/{name}")["Parameter"]["Value"] == "a"


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        (lambda body: body, False),
        (lambda body: "# why it is so" + body, False),
        (lambda body: "Description: what it is" + body, False),
        (lambda body: body.replace("Value: one", "Value: two"), True),
    ],
)
def test_an_update_that_changes_no_resource_is_refused(
    world: World, change: Callable[[str], str], accepted: bool
) -> None:
    client, name = world.aws.cloudformation(HOME), unique("same")
    body = PARAMETER.format(value="one", name=name)
    client.create_stack(StackName=name, TemplateBody=body)
    if accepted:
        client.update_stack(StackName=name, TemplateBody=change(body))
    else:
        with pytest.raises(ClientError, match="No updates are to be performed"):
            client.update_stack(StackName=name, TemplateBody=change(body))


def test_i12_bootstrap_takes_a_template_that_changes_no_resource_for_what_stands(world: World) -> None:
    client, name = world.aws.cloudformation(HOME), unique("coinquery-same")
    body = PARAMETER.format(value="one", name=name)
    for text in (body, "# why it is so" + body):
        step = InfrastructureStack(client, name, text, dict)
        assert step.observe().outcome is Outcome.MISSING
        step.act()
        assert step.observe().outcome is Outcome.HOLDS


def test_a_stack_without_policy_can_be_updated(world: World) -> None:
    name, cloudformation = unique("policy"), world.aws.cloudformation(HOME)
    cloudformation.create_stack(StackName=name, TemplateBody=PARAMETER.format(name=name, value="a"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    cloudformation.update_stack(StackName=name, TemplateBody=PARAMETER.format(name=name, value="b"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert world.aws.ssm(HOME).get_parameter(Name=f"/rules/{name}")["Parameter"]["Value"] == "b"


FAILS = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Signal:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: "1", Count: 1}
"""


def settled(world: World, name: str) -> str:
    cloudformation = world.aws.cloudformation(HOME)
    for _ in range(60):
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.5)
    return status


def test_i4_a_stack_that_failed_to_create_blocks_its_name_and_takes_no_update(world: World) -> None:
    name, cloudformation = unique("failed"), world.aws.cloudformation(HOME)
    arguments: Any = {"StackName": name, "TemplateBody": PARAMETER.format(name=name, value="a")}
    cloudformation.create_stack(StackName=name, TemplateBody=FAILS)
    assert settled(world, name) == "ROLLBACK_COMPLETE"
    assert refusal(lambda: cloudformation.create_stack(**arguments)) == "AlreadyExistsException"
    assert refusal(lambda: cloudformation.update_stack(**arguments)) == "ValidationError"
    for kind in ("CREATE", "UPDATE"):
        change: Any = {**arguments, "ChangeSetName": kind.lower(), "ChangeSetType": kind}
        assert refusal(lambda change=change: cloudformation.create_change_set(**change)) == "ValidationError"  # type: ignore[misc]
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    cloudformation.create_stack(**arguments)


@pytest.mark.parametrize("reference", ["!Ref None", "!GetAtt None.Arn", "{Ref: None}", "{'Fn::GetAtt': [None, Arn]}"])
def test_what_a_template_refers_to_is_in_it(world: World, reference: str) -> None:
    cloudformation = world.aws.cloudformation(HOME)
    dangling = PARAMETER.format(name=unique("r"), value=reference.replace("None", "Nowhere"))
    assert refusal(lambda: cloudformation.create_stack(StackName="r", TemplateBody=dangling)) == "ValidationError"
    there = PARAMETER.format(name=unique("r"), value="!Ref AWS::Region")
    cloudformation.create_stack(StackName=unique("r"), TemplateBody=there)


def test_only_parameters_of_the_template_are_taken(world: World) -> None:
    name, cloudformation = unique("given"), world.aws.cloudformation(HOME)
    template = PARAMETER.format(name=name, value="a")
    given: Any = {"StackName": name, "TemplateBody": template}
    unknown: Any = [{"ParameterKey": "Unknown", "ParameterValue": "1"}]
    assert refusal(lambda: cloudformation.create_stack(**given, Parameters=unknown)) == "ValidationError"
    cloudformation.create_stack(**given)


def test_a_delete_with_the_same_token_is_one_delete(world: World) -> None:
    """A protected stack's delete is refused, and that is no delete."""
    name, cloudformation = unique("token"), world.aws.cloudformation(HOME)
    arguments: Any = {"StackName": name, "TemplateBody": PARAMETER.format(name=name, value="a")}
    cloudformation.create_stack(**arguments, EnableTerminationProtection=True)
    assert settled(world, name) == "CREATE_COMPLETE"
    assert refusal(lambda: cloudformation.delete_stack(StackName=name, ClientRequestToken="t")) == "ValidationError"
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    for _ in range(2):
        cloudformation.delete_stack(StackName=name, ClientRequestToken="t")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def balancer(world: World) -> str:
    made = world.aws.elbv2(HOME).create_load_balancer(Name=unique("lb"), Subnets=subnets(world))
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def test_a_target_group_serves_one_load_balancer(world: World) -> None:
    elbv2, one, other = world.aws.elbv2(HOME), balancer(world), balancer(world)
    made = elbv2.create_target_group(Name=unique("tg"), Protocol="HTTP", Port=80, VpcId="vpc-1")
    forward: Any = [{"Type": "forward", "TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"]}]
    nothing: Any = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]

    def listen(arn: str, port: int, actions: Any) -> str:
        made = elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=actions)
        return made["Listeners"][0]["ListenerArn"]

    listen(one, 80, forward)
    listen(one, 81, forward)
    assert refusal(lambda: listen(other, 80, forward)) == "TargetGroupAssociationLimit"
    listener = listen(other, 82, nothing)
    rule: Any = {"ListenerArn": listener, "Conditions": [{"Field": "host-header", "Values": ["a"]}], "Priority": 1}
    assert refusal(lambda: elbv2.create_rule(**rule, Actions=forward)) == "TargetGroupAssociationLimit"
    elbv2.create_rule(**rule, Actions=nothing)


def test_i5_a_protected_load_balancer_is_not_deleted(world: World) -> None:
    elbv2, arn = world.aws.elbv2(HOME), balancer(world)
    for protected in ("true", "false"):
        attributes: Any = [{"Key": "deletion_protection.enabled", "Value": protected}]
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
        if protected == "true":
            assert refusal(lambda: elbv2.delete_load_balancer(LoadBalancerArn=arn)) == "OperationNotPermitted"
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert refusal(lambda: elbv2.describe_load_balancers(LoadBalancerArns=[arn])) == "LoadBalancerNotFound"


def test_parameters_have_a_size_and_come_ten_a_page(world: World) -> None:
    ssm, path = world.aws.ssm(HOME), f"/{unique('size')}"
    assert refusal(lambda: ssm.put_parameter(Name=path, Value="v" * 4097, Type="String")) == "ValidationException"
    ssm.put_parameter(Name=f"{path}/long", Value="v" * 4096, Type="String")
    ssm.put_parameter(Name=f"{path}/longer", Value="v" * 4097, Type="String", Tier="Advanced")
    assert refusal(lambda: ssm.get_parameters_by_path(Path=path, MaxResults=11)) == "ValidationException"
    assert len(ssm.get_parameters_by_path(Path=path, MaxResults=10)["Parameters"]) == 2


def test_log_events_are_in_order_and_not_too_many(world: World) -> None:
    logs, group, now = world.aws.logs(HOME), unique("order"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    def put(*times: int) -> object:
        events: Any = [{"timestamp": time, "message": "x"} for time in times]
        return logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    assert refusal(lambda: put(now, now - 1)) == "InvalidParameterException"
    assert refusal(lambda: put(*[now] * 10_001)) == "InvalidParameterException"
    put(now - 1, now, now)


@pytest.mark.parametrize("name", ["a" * 33, "internal-a", "-a", "a-", "a_b"])
def test_i1_load_balancer_and_target_group_names_have_limits(world: World, name: str) -> None:
    elbv2 = world.aws.elbv2(HOME)
    group: dict[str, Any] = {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"}
    assert refusal(lambda: elbv2.create_load_balancer(Name=name, Subnets=subnets(world))) == "ValidationError"
    assert refusal(lambda: elbv2.create_target_group(**group)) == "ValidationError"


def zone(world: World, name: str) -> str:
    return world.aws.route53().create_hosted_zone(Name=name, CallerReference=unique("z"))["HostedZone"]["Id"]


def change(world: World, zone_id: str, *changes: tuple[str, str, dict[str, Any]]) -> object:
    batch = [
        {
            "Action": action,
            "ResourceRecordSet": {
                "Name": name, "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.1"}], **more,
            },
        }
        for action, name, more in changes
    ]  # fmt: skip
    batches: Any = {"Changes": batch}
    return world.aws.route53().change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batches)


def test_i9_changes_of_one_zone_at_once_are_refused_until_the_first_is_taken(world: World) -> None:
    """Asked once each, without boto3's repeats: at least one comes through, and who does not is told why."""
    import boto3
    from botocore.config import Config

    zone_id, outcomes = zone(world, "busy.example.org"), []
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
    once = boto3.client("route53", region_name=HOME, config=config)

    def create(number: int) -> None:
        record = {
            "Name": f"n{number}.busy.example.org",
            "Type": "A",
            "TTL": 5,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        batch: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        try:
            once.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
            outcomes.append("done")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"done", "PriorRequestNotComplete"}


def test_record_names_lie_inside_their_zone(world: World) -> None:
    zone_id = zone(world, "inside.example.org")
    change(world, zone_id, ("CREATE", "inside.example.org", {}), ("CREATE", "a.inside.example.org", {}))
    for outside in ("a.example.org", "notinside.example.org", "inside.example.org.evil.com"):
        assert refusal(lambda name=outside: change(world, zone_id, ("CREATE", name, {}))) == "InvalidChangeBatch"  # type: ignore[misc]


def test_an_alias_takes_no_ttl(world: World) -> None:
    zone_id, route53 = zone(world, "alias.example.org"), world.aws.route53()
    target = {"HostedZoneId": "Z2", "DNSName": "a.elb.amazonaws.com", "EvaluateTargetHealth": True}
    alias = {"Name": "a.alias.example.org", "Type": "A", "AliasTarget": target}

    def create(record: Any) -> object:
        batch: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        return route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)

    assert refusal(lambda: create({**alias, "TTL": 60})) == "InvalidInput"
    create(alias)


def test_simple_and_weighted_sets_do_not_stand_together(world: World) -> None:
    zone_id, weighted = zone(world, "mixed.example.org"), {"SetIdentifier": "x", "Weight": 1}
    change(world, zone_id, ("CREATE", "a.mixed.example.org", {}), ("CREATE", "b.mixed.example.org", weighted))
    for name, more in (("a.mixed.example.org", weighted), ("b.mixed.example.org", {})):
        assert refusal(lambda n=name, m=more: change(world, zone_id, ("CREATE", n, m))) == "InvalidChangeBatch"  # type: ignore[misc]
    change(world, zone_id, ("DELETE", "a.mixed.example.org", {}), ("CREATE", "a.mixed.example.org", weighted))


def test_i9_a_record_that_is_not_as_it_was_read_is_not_deleted(world: World) -> None:
    zone_id = zone(world, "moved.example.org")
    change(world, zone_id, ("CREATE", "a.moved.example.org", {}))
    other = {"ResourceRecords": [{"Value": "192.0.2.9"}]}
    swap: Any = (("DELETE", "a.moved.example.org", other), ("CREATE", "a.moved.example.org", {}))
    assert refusal(lambda: change(world, zone_id, *swap)) == "InvalidChangeBatch"


def test_log_events_of_another_time_are_dropped_and_said(world: World) -> None:
    logs, group = world.aws.logs(HOME), unique("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    hours = (-15 * 24, 0, 1, 3)
    events: Any = [{"timestamp": now + h * 3_600_000, "message": str(h)} for h in hours]
    answer = logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
    kept = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in kept] == ["0", "1"]


def test_metric_namespaces_of_amazon_are_refused(world: World) -> None:
    cloudwatch, data = world.aws.cloudwatch(HOME), [{"MetricName": "up", "Value": 1.0}]
    assert refusal(lambda: cloudwatch.put_metric_data(Namespace="AWS/Own", MetricData=data)) == "InvalidParameterValue"  # type: ignore[arg-type]
    cloudwatch.put_metric_data(Namespace="CoinQuery", MetricData=data)  # type: ignore[arg-type]


def test_the_image_of_ecs_is_a_public_parameter(world: World) -> None:
    ssm = world.aws.ssm(HOME)
    assert ssm.get_parameter(Name=rules.IMAGE_PARAMETER)["Parameter"]["Value"] == rules.IMAGE_ID
    answer = ssm.get_parameters(Names=[rules.IMAGE_PARAMETER, "/there/is/none"])
    assert [parameter["Value"] for parameter in answer["Parameters"]] == [rules.IMAGE_ID]
    assert answer["InvalidParameters"] == ["/there/is/none"]
    assert refusal(lambda: ssm.get_parameter(Name="/there/is/none")) == "ParameterNotFound"


def test_i3_an_image_that_is_not_there_is_an_error(world: World) -> None:
    ecr, missing = world.aws.ecr(HOME), [{"imageTag": "0" * 40}]
    ecr.create_repository(repositoryName="an/empty-one")
    images: Any = {"repositoryName": "an/empty-one", "imageIds": missing}
    assert refusal(lambda: ecr.describe_images(**images)) == "ImageNotFoundException"
    assert ecr.describe_images(repositoryName="an/empty-one")["imageDetails"] == []
    assert refusal(lambda: ecr.describe_images(repositoryName="none")) == "RepositoryNotFoundException"


def run_instance(world: World, address: str) -> str:
    started = world.aws.ec2(HOME).run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, PrivateIpAddress=address)
    return started["Instances"][0]["InstanceId"]


def subnets(world: World) -> list[str]:
    return [subnet["SubnetId"] for subnet in world.aws.ec2(HOME).describe_subnets()["Subnets"]][:2]


def test_instances_are_found_by_private_address(world: World) -> None:
    addresses = [world.state.address(180, host) for host in (1, 2)]
    ids = {address: run_instance(world, address) for address in addresses}
    for address in addresses:
        found = world.aws.ec2(HOME).describe_instances(Filters=[{"Name": "private-ip-address", "Values": [address]}])
        assert [i["InstanceId"] for r in found["Reservations"] for i in r["Instances"]] == [ids[address]]


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address, _ = self.connection.getsockname()
        self.send_response(200 if self.path == "/health" and address.endswith(".1") else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def test_i13_a_target_is_healthy_only_if_it_says_so(world: World) -> None:
    elbv2, name = world.aws.elbv2(HOME), unique("tg")
    addresses = [world.state.address(181, host) for host in (1, 2, 3)]
    servers = [ThreadingHTTPServer((address, 8080), Health) for address in addresses[:2]]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ids = [run_instance(world, address) for address in addresses]
    group = elbv2.create_target_group(
        Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5, UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": i} for i in ids])

    def states() -> list[str | None]:
        described = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        by_id = {d["Target"]["Id"]: d["TargetHealth"].get("State") for d in described}
        return [by_id[i] for i in ids]

    assert states() == ["unused"] * 3
    balancer = elbv2.create_load_balancer(Name=name, Subnets=subnets(world))["LoadBalancers"][0]["LoadBalancerArn"]
    nothing: Any = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    listener = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=nothing)
    rule: Any = {"Conditions": [{"Field": "host-header", "Values": ["a.example.com"]}], "Priority": 1}
    elbv2.create_rule(
        ListenerArn=listener["Listeners"][0]["ListenerArn"],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
        **rule,
    )
    assert states() == ["healthy", "initial", "initial"]
    elbv2.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=5, UnhealthyThresholdCount=2)
    time.sleep(10)
    assert states() == ["healthy", "unhealthy", "unhealthy"]
    elbv2.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "2"}]
    )
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": ids[1]}])
    assert states() == ["healthy", "draining", "unhealthy"]
    time.sleep(2)
    described = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert {d["Target"]["Id"] for d in described} == {ids[0], ids[2]}
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_function_with_a_concurrency_of_one_is_busy_while_it_runs(world: World) -> None:
    functions, name = world.aws.functions(HOME), unique("busy")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("h.py", "import os, time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n"
                      "    return os.environ['AWS_ENDPOINT_URL']\n")  # fmt: skip
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Role="arn:aws:iam::000000000000:role/x", Handler="h.handler",
        Code={"ZipFile": archive.getvalue()}, Timeout=20,
    )  # fmt: skip
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert json.load(functions.invoke(FunctionName=name, Payload=b'{"seconds": 0}')["Payload"]) == world.state.gateway
    first = threading.Thread(target=functions.invoke, kwargs={"FunctionName": name, "Payload": b'{"seconds": 4}'})
    first.start()
    time.sleep(1)
    assert _busy(functions, name)
    first.join()


def _busy(functions: Any, name: str) -> bool:
    """Ask once, without boto3's own repeats."""
    import boto3
    from botocore.config import Config

    once = boto3.client("lambda", region_name=HOME, config=Config(retries={"total_max_attempts": 1}))
    return refusal(lambda: once.invoke(FunctionName=name, Payload=b'{"seconds": 0}')) == "TooManyRequestsException"
