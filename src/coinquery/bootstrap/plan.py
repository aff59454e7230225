"""``cq bootstrap``: the steps for one region."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from coinquery import account
from coinquery.bootstrap import rights
from coinquery.bootstrap.steps import (
    HomeRegion,
    InfrastructureStack,
    MonitorConfiguration,
    MonitorPackage,
)
from coinquery.monitor.configuration import PARAMETER
from coinquery.stacks import foundation, template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.rollout.step import Step


def make_plan(aws: Aws, config: Config, region: str) -> tuple[Step, ...]:
    """The steps that bring the region what the other commands need; nothing is changed yet.

    Raises BadConfiguration for a region that ``cq.toml`` does not name, and where the guard would be too long.
    """
    config.check_region(region)
    cloudformation = aws.cloudformation(region)
    ground = cache(lambda: foundation.network(aws, region))
    package = cache(lambda: _package(config))
    network = InfrastructureStack(
        cloudformation, foundation.NETWORK_STACK, template.text(template.NETWORK), lambda: _network(config)
    )
    monitor = InfrastructureStack(
        cloudformation,
        foundation.MONITOR_STACK,
        template.text(template.MONITOR),
        lambda: _monitor(config, region, ground(), package()[1]),
    )
    return (
        HomeRegion(aws, config, region),
        *(_rights(aws, config) if region == config.home_region else ()),
        network,
        MonitorConfiguration(aws.ssm(region), config),
        MonitorPackage(aws.s3(region), lambda: ground().artifact_bucket, package),
        monitor,
    )


def _rights(aws: Aws, config: Config) -> Iterator[Step]:
    """Roles and guard, once an account: IAM knows no regions."""
    cloudformation = aws.cloudformation(config.home_region)
    partition = cache(lambda: account.partition(aws, config.home_region))
    if config.levels:
        body = template.text(template.ROLES)
        yield InfrastructureStack(
            cloudformation, foundation.ROLES_STACK, body, lambda: rights.roles(config, partition())
        )
    if "prod" in config.levels:
        given = rights.guard(config, partition())
        yield InfrastructureStack(cloudformation, foundation.GUARD_STACK, template.text(template.GUARD), lambda: given)


def _network(config: Config) -> dict[str, str]:
    return {"Cidr": config.network.cidr, "Nodes": config.network.nodes, "Nat": config.network.nat}


def _monitor(config: Config, region: str, ground: foundation.Foundation, key: str) -> dict[str, str]:
    production = config.levels.get("prod")
    return {
        "ArtifactBucket": ground.artifact_bucket,
        "CodeKey": key,
        "Runtime": config.monitor.runtime,
        "Architecture": config.monitor.architecture,
        "Subnets": ground.private_subnets,
        "SecurityGroup": ground.monitor_security_group,
        "HomeRegion": config.home_region,
        "IsHomeRegion": "true" if region == config.home_region else "false",
        "PublicZone": "" if production is None else production.public_zone,
        "ConfigurationParameter": PARAMETER,
        "ReservedConcurrency": "1" if config.monitor.reserve_concurrency else "none",
        **rights.webhook(config),
        "Trail": config.monitor.trail,
        "CompositeAlarm": "yes" if config.monitor.composite_alarm else "no",
    }


def _package(config: Config) -> tuple[Path, str]:
    from coinquery.monitor.package import build

    built = build(config.monitor.runtime, config.monitor.architecture)
    return built.path, f"monitor/{built.digest}.zip"
