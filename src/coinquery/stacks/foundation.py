"""What ``cq bootstrap`` brought into a region, as the other commands read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.errors import BadConfiguration, NotBootstrapped
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.config import Config

NETWORK_STACK = "coinquery-network"
MONITOR_STACK = "coinquery-monitor"
HOME_PARAMETER = "/coinquery/home"
JOURNAL_LOG_GROUP = "/coinquery/journal"

_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class Foundation:
    """The outputs of a region's network stack that a coin's stack is built on."""

    vpc: str
    node_subnets: str
    load_balancer_subnets: str
    private_subnets: str
    nodes_public: str
    monitor_security_group: str
    artifact_bucket: str


def read(aws: Aws, config: Config, region: str) -> Foundation:
    """The region's foundation.

    Raises NotBootstrapped where something is missing, BadConfiguration where the region has another ledger.
    """
    check_home(aws, config, region)
    _outputs(aws, region, MONITOR_STACK)
    return network(aws, region)


def network(aws: Aws, region: str) -> Foundation:
    """What the region's network stack says; raise NotBootstrapped where there is none."""
    outputs = _outputs(aws, region, NETWORK_STACK)
    return Foundation(
        vpc=outputs["VpcId"],
        node_subnets=outputs["NodeSubnets"],
        load_balancer_subnets=outputs["LoadBalancerSubnets"],
        private_subnets=outputs["PrivateSubnets"],
        nodes_public=outputs["NodesPublic"],
        monitor_security_group=outputs["MonitorSecurityGroup"],
        artifact_bucket=outputs["ArtifactBucket"],
    )


def home(aws: Aws, region: str) -> str | None:
    """The home region that a region knows; None if it knows none."""
    ssm = aws.ssm(region)
    try:
        return ssm.get_parameter(Name=HOME_PARAMETER)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None


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


def _outputs(aws: Aws, region: str, name: str) -> dict[str, str]:
    described = stacks.describe(aws.cloudformation(region), name)
    if described is None or described["StackStatus"] not in _COMPLETE:
        seen = "does not exist" if described is None else f"is {described['StackStatus']}"
        raise _not_bootstrapped(region, f"stack {name} {seen}")
    return {o.get("OutputKey", ""): o.get("OutputValue", "") for o in described.get("Outputs", ())}


def _not_bootstrapped(region: str, why: str) -> NotBootstrapped:
    return NotBootstrapped(f"region {region} is not ready: {why}", f"Run: cq bootstrap --region {region}")
