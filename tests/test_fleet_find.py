"""``cq find`` names the stack that something belongs to, and no other: half switched names, balancers of others."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from coinquery import config
from coinquery.config import Config
from coinquery.dns.names import Names
from coinquery.dns.record import Alias
from coinquery.fleet.find import find
from tests.worlds import World

pytestmark = pytest.mark.local_aws
REGION, COIN = "us-east-1", "doge"
OLD, NEW = "cq-doge-0061-prod", "cq-doge-0062-prod"
BALANCER_ZONE = "Z35SXDOTRQ7X7K"


@pytest.fixture(scope="module")
def configured(world: World) -> Config:
    return config.load(str(world.state.root / "cq.toml"))


def balancer(stack: str, kind: str) -> str:
    return f"{'internal-' if kind == 'private' else ''}{stack}-1.{REGION}.elb.amazonaws.com"


@pytest.fixture
def half_switched(world: World, configured: Config) -> Iterator[Names]:
    """The private name leads to the new stack already, the public one still to the old one."""
    cloudformation = world.aws.cloudformation(REGION)
    for stack in (OLD, NEW):
        outputs = {"LoadBalancerDnsName": "public", "InternalLoadBalancerDnsName": "private"}
        template = {
            "Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}},
            "Outputs": {key: {"Value": balancer(stack, kind)} for key, kind in outputs.items()},
        }
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    names = Names(world.aws.route53(), configured.level("prod"), COIN)
    led = {"public": OLD, "private": NEW}
    records = [
        (each, Alias(name=f"{each.name}.", target=balancer(led[each.kind], each.kind), target_zone=BALANCER_ZONE))
        for each in names.records()
    ]
    for record, alias in records:
        record.zone.swap(record.name, None, alias, "a test")
    yield names
    for record, alias in records:
        record.zone.swap(record.name, alias, None, "and back")
    for stack in (OLD, NEW):
        cloudformation.delete_stack(StackName=stack)


def test_each_of_two_names_is_found_to_lead_where_it_leads(
    world: World, configured: Config, half_switched: Names
) -> None:
    found = {each.kind: find(world.aws, configured, each.name).matches for each in half_switched.records()}
    assert {kind: [match.stack for match in matches] for kind, matches in found.items()} == {
        "public": [OLD],
        "private": [NEW],
    }


@pytest.mark.parametrize(
    ("of", "stacks"),
    [(NEW, [NEW]), (f"{NEW}-int", [NEW]), ("website", []), ("cq-website", []), ("cq-doge-62-prod", [])],
)
def test_the_address_of_a_load_balancer_that_is_no_stacks_belongs_to_none(
    world: World, configured: Config, of: str, stacks: list[str]
) -> None:
    ec2 = world.aws.ec2(REGION)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet, Description=f"ELB app/{of}/0123456789abcdef")
    interface = made["NetworkInterface"]
    try:
        matches = find(world.aws, configured, interface["PrivateIpAddress"]).matches
    finally:
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert [match.stack for match in matches] == stacks
