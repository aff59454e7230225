"""What ``cq bootstrap`` brought into a region, as the other commands read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coinquery.errors import BadConfiguration, NotBootstrapped
from coinquery.stacks import stack as stacks
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import StackTypeDef, TagTypeDef

    from coinquery.aws import Aws
    from coinquery.config import Config

NETWORK_STACK = "coinquery-network"
MONITOR_STACK = "coinquery-monitor"
ROLES_STACK = "coinquery-roles"
GUARD_STACK = "coinquery-guard"
HOME_PARAMETER = "/coinquery/home"
#: The tag of all that cq bootstrap makes; its value is the stack's name.
PART_TAG = "coinquery:part"
JOURNAL_LOG_GROUP = "/coinquery/journal"

#: The outputs of the network stack, in the order of the fields of ``Foundation``.
_NETWORK_OUTPUTS = (
    "VpcId", "NodeSubnets", "LoadBalancerSubnets", "PrivateSubnets", "NodesPublic", "MonitorSecurityGroup",
    "ArtifactBucket",
)  # fmt: skip


@dataclass(frozen=True)
class Foundation:
    """The outputs of a region's network stack that a coin's stack is built on.

    ``is_tagged`` is whether its parts carry the tag by which the guard knows them.
    """

    vpc: str
    node_subnets: str
    load_balancer_subnets: str
    private_subnets: str
    nodes_public: str
    monitor_security_group: str
    artifact_bucket: str
    is_tagged: bool = field(kw_only=True)


@dataclass(frozen=True)
class Roles:
    """The roles of the account, by ARN: what CloudFormation works as, and what bounds the roles that it makes."""

    cloudformation: str
    boundary: str


#: An account without roles: CloudFormation works with the caller's own rights.
NO_ROLES = Roles("", "")


def read(aws: Aws, config: Config, region: str) -> Foundation:
    """The region's foundation.

    Raises NotBootstrapped where something is missing, BadConfiguration where the region has another ledger.
    """
    check_home(aws, config, region)
    check_monitor(aws, region)
    return network(aws, region)


def check_monitor(aws: Aws, region: str) -> None:
    """Raise NotBootstrapped unless the region's monitor is up."""
    _standing(aws, region, MONITOR_STACK)


def network(aws: Aws, region: str) -> Foundation:
    """What the region's network stack says; raise NotBootstrapped where there is none."""
    described = _standing(aws, region, NETWORK_STACK)
    outputs = stacks.outputs(described)
    missing = [key for key in _NETWORK_OUTPUTS if not outputs.get(key)]
    if missing:
        raise _not_bootstrapped(region, f"stack {NETWORK_STACK} has no output {missing[0]}")
    is_tagged = part_tag(NETWORK_STACK) in described.get("Tags", [])
    return Foundation(*(outputs[key] for key in _NETWORK_OUTPUTS), is_tagged=is_tagged)


def part_tag(name: str) -> TagTypeDef:
    """The tag of all that is in a stack of cq bootstrap, by which guard.yaml knows it."""
    return {"Key": PART_TAG, "Value": name}


def roles(aws: Aws, config: Config) -> Roles:
    """The account's roles; ``NO_ROLES`` where it was bootstrapped before there were any."""
    described = stacks.describe(aws.cloudformation(config.home_region), ROLES_STACK)
    outputs = {} if described is None else stacks.outputs(described)
    return Roles(outputs.get("CloudFormationRoleArn", ""), outputs.get("BoundaryArn", ""))


def home(aws: Aws, region: str) -> str | None:
    """The home region that a region knows; None if it knows none."""
    return ParameterStore(aws.ssm(region)).get(HOME_PARAMETER)


def check_home(aws: Aws, config: Config, region: str) -> None:
    """Raise unless the region knows the configured home region as its own: there must be one ledger."""
    known = home(aws, region)
    if known is None:
        check_one_ledger(aws, config)
        raise _not_bootstrapped(region, f"{HOME_PARAMETER} is not set")
    _refuse_other(config, region, known)


def check_one_ledger(aws: Aws, config: Config) -> None:
    """Raise BadConfiguration if any configured region belongs to another ledger than the configured one."""
    for region in config.regions:
        known = home(aws, region)
        if known is not None:
            _refuse_other(config, region, known)


def _refuse_other(config: Config, region: str, known: str) -> None:
    if known != config.home_region:
        raise BadConfiguration(
            f"cq.toml: home_region: {config.home_region}, but {region} belongs to the ledger in {known}",
            "Two ledgers would give out the same number twice. Set home_region to what the region says.",
        )


def _standing(aws: Aws, region: str, name: str) -> StackTypeDef:
    described = stacks.describe(aws.cloudformation(region), name)
    if described is None or described["StackStatus"] not in stacks.COMPLETE:
        seen = "does not exist" if described is None else f"is {described['StackStatus']}"
        raise _not_bootstrapped(region, f"stack {name} {seen}")
    return described


def _not_bootstrapped(region: str, why: str) -> NotBootstrapped:
    return NotBootstrapped(f"region {region} is not ready: {why}", f"Run: cq bootstrap --region {region}")
