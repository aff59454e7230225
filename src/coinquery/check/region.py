"""What one region needs: what ``cq bootstrap`` brings, a monitor that sweeps, certificates, images."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from coinquery.check.finding import Finding, group, look, missing
from coinquery.errors import MonitorFailed, NotBootstrapped
from coinquery.monitor import configuration, sweep_log
from coinquery.monitor.sweep_log import SweepLog
from coinquery.releases import images
from coinquery.rollout import preflight
from coinquery.stacks import foundation
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from coinquery.aws import Aws
    from coinquery.config import Config

#: How long ago the last of the sweeps, one a minute, may have ended.
LONGEST_SILENCE = timedelta(minutes=3)


def check(aws: Aws, config: Config, region: str, now: datetime) -> Finding:
    """Everything that the region needs."""
    return group(region, _checks(aws, config, region, now))


def _checks(aws: Aws, config: Config, region: str, now: datetime) -> Iterator[Finding]:
    yield look("home region", lambda: _home(aws, config, region))
    yield look("network", lambda: _network(aws, region))
    yield look("monitor's configuration", lambda: _configuration(aws, config, region))
    yield look("monitor", lambda: _sweeps(aws, region, now))
    for name, level in config.levels.items():
        if region in level.regions:
            yield look(f"certificate of {name}", partial(_certificate, aws, config, name, region))
    production = config.levels.get("prod")
    if production is not None and region in production.regions:
        for coin in config.catalogue:
            if coin.snapshot:
                yield look(f"snapshot of {coin.ticker}", partial(_snapshot, aws, region, coin.snapshot))
    if any(region in level.regions for level in config.levels.values()):
        yield look("image repository", lambda: images.uri(aws.ecr(region), config.repository))
        yield look("machine image", lambda: preflight.machine_image(aws, config, region))


def _home(aws: Aws, config: Config, region: str) -> str:
    foundation.check_home(aws, config, region)
    return f"{foundation.HOME_PARAMETER} = {config.home_region}"


def _network(aws: Aws, region: str) -> str | Finding:
    """The network, and whether its parts carry the tag by which the guard knows them."""
    network = foundation.network(aws, region)
    if not network.is_tagged:
        saw = f"{foundation.NETWORK_STACK} has no tag {foundation.PART_TAG}: the guard lets everyone change it"
        return missing("network", saw, _bootstrap(region))
    return f"{network.vpc} of {foundation.NETWORK_STACK}"


def _configuration(aws: Aws, config: Config, region: str) -> str:
    value = ParameterStore(aws.ssm(region)).get(configuration.PARAMETER)
    if value is None:
        raise NotBootstrapped(f"there is no {configuration.PARAMETER}", _bootstrap(region))
    wanted = configuration.Configuration.from_config(config)
    if value != wanted.to_text():
        raise NotBootstrapped(f"{configuration.PARAMETER} differs from cq.toml", _bootstrap(region))
    return f"{len(wanted.coins)} coins, as in cq.toml"


def _sweeps(aws: Aws, region: str, now: datetime) -> str:
    foundation.check_monitor(aws, region)
    last = sweep_log.heard(SweepLog(aws.logs(region)).newest())
    if last is None or now - last > LONGEST_SILENCE:
        when = "never" if last is None else f"{last:%Y-%m-%d %H:%M:%S}Z"
        raise MonitorFailed(
            f"no sweep has ended for {round(LONGEST_SILENCE.total_seconds())} s; the last one: {when}",
            'Log group /aws/lambda/coinquery-monitor says why; docs/runbook.md, "The monitor is silent".',
        )
    return f"last sweep {round((now - last).total_seconds())} s ago"


def _certificate(aws: Aws, config: Config, name: str, region: str) -> str:
    level, coins = config.level(name), list(config.catalogue)
    for coin in coins[:1]:  # the names of all coins differ in the coin alone
        preflight.check_certificate(aws, level, coin, region)
    return level.certificates[region].rpartition("/")[2]


def _snapshot(aws: Aws, region: str, snapshot: str) -> str | Finding:
    """Chain data that production is restored from is guarded by its tag, which the team sets."""
    if {"Key": "coinquery:level", "Value": "prod"} in preflight.check_snapshot(aws, region, snapshot):
        return f"{snapshot} is complete, and guarded"
    return missing(
        f"snapshot {snapshot}",
        f"{snapshot} has no tag coinquery:level = prod: the guard lets everyone delete it",
        f"Run: aws ec2 create-tags --region {region} --resources {snapshot} --tags Key=coinquery:level,Value=prod",
    )


def _bootstrap(region: str) -> str:
    return f"Run: cq bootstrap --region {region}"
