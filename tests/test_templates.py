"""The templates as written: what I5 and the process need of them, whatever the parameters."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery import naming
from tests import templates
from tests.templates import ALL, COIN_STACK, MONITOR, NETWORK, PARAMETERS, listed

#: CreateStack takes so many bytes in TemplateBody, EC2 so many as user data.
BODY_LIMIT, USER_DATA_LIMIT = 51_200, 16_384


def coin_stack(**parameters: str) -> dict[str, dict[str, Any]]:
    return {
        key: {**value, **value["Properties"]} for key, value in templates.resources(COIN_STACK, **parameters).items()
    }


def launch(**parameters: str) -> dict[str, Any]:
    data: dict[str, Any] = coin_stack(**parameters)["LaunchTemplate"]["LaunchTemplateData"]
    return data


def containers(**parameters: str) -> dict[str, dict[str, Any]]:
    return {each["Name"]: each for each in coin_stack(**parameters)["TaskDefinition"]["ContainerDefinitions"]}


# ---- Limits of CloudFormation


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_cloudformation_takes_the_text(path: Any) -> None:
    text = path.read_text("utf-8")
    assert len(text.encode()) < BODY_LIMIT
    assert len(templates.load(path)["Description"]) <= 1024
    assert not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)), "CloudFormation knows no aliases"


def test_user_data_fits() -> None:
    assert len(launch(SnapshotId="snap-0123456789abcdef0")["UserData"].encode()) < USER_DATA_LIMIT


def test_parameters_and_outputs_are_those_that_cq_uses() -> None:
    template = templates.load(COIN_STACK)
    assert set(template["Parameters"]) == set(PARAMETERS)
    internal = {name for name in template["Outputs"] if name.startswith("Internal")}
    assert internal == {
        f"Internal{name}"
        for name in (
            "LoadBalancerDnsName",
            "LoadBalancerZoneId",
            "LoadBalancerArn",
            "TargetGroupArn",
        )
    }
    public = {name.removeprefix("Internal") for name in internal}
    assert set(template["Outputs"]) == internal | public | {"AutoScalingGroup", "Cluster", "LogGroup"}
    assert all(template["Outputs"][name]["Condition"] == "HasPrivateName" for name in internal)


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [
        ("Coin", "ETH"),
        ("Coin", "a" * (naming.LONGEST_TICKER + 1)),
        ("Commit", "HEAD"),
        ("NodeImage", "docker.io/ethereum/client-go:latest"),
        ("CompanionImage", "sigp/lighthouse"),
        ("ServiceImage", "coinquery/service:latest"),
        ("NodeCommand", "--datadir  /data"),
        ("ServiceCommand", ""),
        ("SnapshotId", "vol-0123456789abcdef0"),
        ("PublicName", "Eth.example.com"),
        ("CertificateArn", "arn:aws:iam::123456789012:server-certificate/x"),
    ],
)
def test_bad_input_fails_before_anything_is_made(parameter: str, bad: str) -> None:
    entry = templates.load(COIN_STACK)["Parameters"][parameter]
    assert re.fullmatch(entry["AllowedPattern"], PARAMETERS[parameter]), "the pattern takes what is right"
    assert not re.fullmatch(entry["AllowedPattern"], bad)
    assert entry["ConstraintDescription"]


# ---- Names


@settings(deadline=None)
@given(
    st.from_regex(rf"[a-z0-9]{{1,{naming.LONGEST_TICKER}}}", fullmatch=True),
    st.integers(naming.FIRST_NUMBER, naming.LAST_NUMBER),
    st.sampled_from(naming.LEVELS),
)
def test_i1_names_are_those_derived_from_the_stack_name(coin: str, number: int, level: str) -> None:
    name = naming.StackName(coin, number, level)
    made = {key: value["Properties"] for key, value in templates.resources(COIN_STACK, str(name)).items()}
    assert re.fullmatch(templates.load(COIN_STACK)["Parameters"]["Coin"]["AllowedPattern"], coin)
    assert {
        "load balancer": made["LoadBalancer"]["Name"],
        "target group": made["TargetGroup"]["Name"],
        "internal load balancer": made["InternalLoadBalancer"]["Name"],
        "internal target group": made["InternalTargetGroup"]["Name"],
        "ECS cluster": made["Cluster"]["ClusterName"],
        "ECS service": made["Service"]["ServiceName"],
        "task definition family": made["TaskDefinition"]["Family"],
        "Auto Scaling group": made["AutoScalingGroup"]["AutoScalingGroupName"],
        "launch template": made["LaunchTemplate"]["LaunchTemplateName"],
        "log group": made["LogGroup"]["LogGroupName"],
    }.items() <= {each.kind: each.value for each in name.derived()}.items()


# ---- Protection


def test_i5_the_stack_policy_denies_every_update() -> None:
    policy = json.loads((templates.FOLDER / "stack-policy.json").read_text("utf-8"))
    assert policy == {
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "*"}],
    }


@pytest.mark.parametrize("path", [COIN_STACK, NETWORK, MONITOR], ids=lambda path: path.name)
def test_i5_logs_and_artifacts_outlive_their_stack(path: Any) -> None:
    kept = [
        each
        for each in templates.load(path)["Resources"].values()
        if each["Type"] in ("AWS::Logs::LogGroup", "AWS::S3::Bucket")
    ]
    assert kept
    assert all(each["DeletionPolicy"] == each["UpdateReplacePolicy"] == "Retain" for each in kept)
    groups = [each["Properties"] for each in kept if each["Type"] == "AWS::Logs::LogGroup"]
    for_ever = [group["LogGroupName"] for group in groups if "RetentionInDays" not in group]
    assert for_ever == (["/coinquery/journal"] if path.name == "monitor.yaml" else [])


# ---- Load balancers


@pytest.mark.parametrize("prefix", ["", "Internal"])
def test_only_the_own_host_name_is_forwarded(prefix: str) -> None:
    made = coin_stack()
    listener = made[f"{prefix}HttpsListener"]
    rule = made["PrivateNameRule" if prefix else "PublicNameRule"]
    assert listener["Protocol"] == "HTTPS"
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    [default] = listener["DefaultActions"]
    assert (default["Type"], default["FixedResponseConfig"]["StatusCode"]) == ("fixed-response", "404")
    assert rule["ListenerArn"] == f"<{prefix}HttpsListener>"
    assert rule["Conditions"][0]["HostHeaderConfig"]["Values"] == [
        PARAMETERS["PrivateName" if prefix else "PublicName"]
    ]
    assert rule["Actions"] == [{"Type": "forward", "TargetGroupArn": f"<{prefix}TargetGroup>"}]
    [redirect] = made[f"{prefix}HttpListener"]["DefaultActions"]
    assert redirect == {
        "Type": "redirect",
        "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
    }


@pytest.mark.parametrize("name", ["TargetGroup", "InternalTargetGroup"])
def test_traffic_goes_to_what_is_in_step(name: str) -> None:
    group = coin_stack()[name]
    assert (group["HealthCheckPath"], group["Matcher"]) == ("/health", {"HttpCode": "200"})
    attributes = {each["Key"]: each["Value"] for each in group["TargetGroupAttributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == PARAMETERS["DeregistrationDelay"]


def test_without_a_private_name_there_is_no_internal_load_balancer() -> None:
    made = coin_stack(PrivateName="")
    assert not [name for name in made if "Internal" in name or "Private" in name]
    assert made["AutoScalingGroup"]["TargetGroupARNs"] == ["<TargetGroup>"]
    assert coin_stack()["AutoScalingGroup"]["TargetGroupARNs"] == ["<TargetGroup>", "<InternalTargetGroup>"]
    assert coin_stack()["InternalLoadBalancer"]["Scheme"] == "internal"


# ---- Instances and tasks


def test_nothing_terminates_a_node_for_lagging() -> None:
    made = coin_stack()
    group, service = made["AutoScalingGroup"], made["Service"]
    assert group["HealthCheckType"] == "EC2"
    assert group["MinSize"] == group["MaxSize"] == group["DesiredCapacity"] == PARAMETERS["InstanceCount"]
    assert service["SchedulingStrategy"] == "DAEMON"
    assert {"LoadBalancers", "DesiredCount"}.isdisjoint(service)
    assert not any(
        "/health" in word for each in containers().values() for word in each.get("HealthCheck", {}).get("Command", ())
    )


def test_every_instance_signals_and_after_its_task_can_start() -> None:
    group = coin_stack()["AutoScalingGroup"]
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == PARAMETERS["InstanceCount"]
    assert "Service" in group["DependsOn"]


@pytest.mark.parametrize("snapshot", ["", "snap-0123456789abcdef0"])
def test_volumes_are_encrypted_tagged_and_go_with_their_instance(snapshot: str) -> None:
    data = launch(SnapshotId=snapshot)
    volumes = [each["Ebs"] for each in data["BlockDeviceMappings"]]
    assert len(volumes) == 2
    assert all(
        each["Encrypted"] and each["VolumeType"] == "gp3" and each["DeleteOnTermination"] is True for each in volumes
    )
    assert volumes[1].get("SnapshotId", "") == snapshot
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }


def test_instances_volumes_and_interfaces_carry_the_tags() -> None:
    expected = {
        "Name": "cq-eth-0001-prod",
        "coinquery:stack": "cq-eth-0001-prod",
        **{
            f"coinquery:{name.lower()}": PARAMETERS[name]
            for name in ("Coin", "Level", "Release", "Commit", "Rollout", "Author")
        },
    }
    specifications = {each["ResourceType"]: each["Tags"] for each in launch()["TagSpecifications"]}
    assert [each["ResourceType"] for each in launch()["TagSpecifications"]] == [
        "instance",
        "volume",
        "network-interface",
    ]
    group = coin_stack()["AutoScalingGroup"]["Tags"]
    assert all(each["PropagateAtLaunch"] is True for each in group)
    for tags in (*specifications.values(), group):
        assert {each["Key"]: each["Value"] for each in tags} == expected


@pytest.mark.parametrize("public", ["true", "false"])
def test_only_peers_reach_nodes_from_outside_and_only_where_subnets_are_public(public: str) -> None:
    rules = coin_stack(NodesPublic=public)["NodeSecurityGroup"]["SecurityGroupIngress"]
    world = {(each["IpProtocol"], each["FromPort"], each["ToPort"]) for each in rules if "CidrIp" in each}
    peers = {(protocol, port, port) for protocol in ("tcp", "udp") for port in ("30303", "9000")}
    assert world == (peers if public == "true" else set())
    inside = {each["SourceSecurityGroupId"] for each in rules if "SourceSecurityGroupId" in each}
    assert inside == {"<LoadBalancerSecurityGroup>", "<InternalLoadBalancerSecurityGroup>", "sg-1"}
    assert {each["FromPort"] for each in rules if "SourceSecurityGroupId" in each} == {8080}
    assert all(each["Description"] for each in rules)
    assert launch(NodesPublic=public)["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is (public == "true")


def test_a_port_of_0_is_no_port() -> None:
    rules = coin_stack(PeerPort="0", CompanionPeerPort="0")["NodeSecurityGroup"]["SecurityGroupIngress"]
    assert not [each for each in rules if "CidrIp" in each]


def test_containers_are_those_of_the_coin_and_run_without_privileges() -> None:
    assert list(containers(CompanionImage="", CompanionCommand="")) == ["node", "service"]
    assert list(containers()) == ["node", "companion", "service"]
    for each in containers().values():
        assert (each["User"], each["Privileged"], each["Essential"]) == ("10001:10001", False, True)
        assert each["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert each["DockerSecurityOptions"] == ["no-new-privileges"]
        assert each["LogConfiguration"]["Options"]["awslogs-group"] == "<LogGroup>"
        assert each["MountPoints"][0]["ReadOnly"] is (each["Name"] == "service")
    node, service = containers()["node"], containers()["service"]
    assert node["Command"] == PARAMETERS["NodeCommand"].split()
    assert node["StopTimeout"] == 120
    assert service["ReadonlyRootFilesystem"] is True
    assert service["HealthCheck"]["Command"][0] == "CMD"
    assert "TaskRoleArn" not in coin_stack()["TaskDefinition"]


# ---- Permissions


@pytest.mark.parametrize("path", [COIN_STACK, NETWORK, MONITOR], ids=lambda path: path.name)
def test_roles_name_each_action_and_hold_no_managed_policy(path: Any) -> None:
    """Those of roles.yaml are in test_role_policies.py."""
    roles = [each["Properties"] for each in templates.resources(path).values() if each["Type"] == "AWS::IAM::Role"]
    statements = [
        each for role in roles for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]
    ]
    actions = [action for each in statements for action in listed(each["Action"])]
    assert not any("*" in action for action in actions)
    assert not any("ManagedPolicyArns" in role for role in roles)
    assert {each["Sid"] for each in statements if each["Resource"] == "*" and "Condition" not in each} <= {
        "SignInToRegistry",
        "FindTheEndpoint",
        "OfferSessions",
        "FindInstances",
        "SeeTheProtectionOfLoadBalancers",
        "StandInTheNetwork",
    }


def test_the_image_repository_is_taken_from_the_image() -> None:
    policy = coin_stack()["ExecutionRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    [pull] = [each for each in policy if each["Sid"] == "PullImages"]
    assert pull["Resource"][0] == "arn:aws:ecr:us-east-1:123456789012:repository/coinquery/service"
