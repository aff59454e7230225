"""The load balancers' metrics, namespace AWS/ApplicationELB, from what Caddy counts and the health checks say."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING

from coinquery.aws import Aws
from coinquery.local.caddy import ADMIN_PORT
from coinquery.local.controller.balancer import Balancer

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

INTERVAL = 3.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_FORWARDED = re.compile(r'^caddy_http_requests_total\{handler="reverse_proxy",.*\} (\S+)$', re.MULTILINE)


class Metrics:
    """Publishes what came since the last time. Like AWS, no requests give no data point."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._counted: dict[str, float] = {}

    def publish(self, region: str, balancer: Balancer, healthy: Mapping[str, int]) -> None:
        """Publish for one load balancer; ``healthy`` holds the number of healthy targets by target group ARN.

        Nothing is said where its requests can't be counted: a data point would be taken for proof that there were none.
        """
        total, before = _forwarded(balancer.address), self._counted.get(balancer.id, 0)
        if total is None:
            return
        self._counted[balancer.id] = total
        requests = total - before if total >= before else total
        data = [_datum("HealthyHostCount", count, balancer.id, arn) for arn, count in healthy.items()]
        if requests:
            data += [_datum("RequestCount", requests, balancer.id, arn) for arn in ("", *healthy)]
        if data:
            self._aws.cloudwatch(region).put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)


def _forwarded(address: str) -> float | None:
    """How many requests a load balancer's Caddy has forwarded since it started; None while it does not answer."""
    try:
        with _DIRECT.open(f"http://{address}:{ADMIN_PORT}/metrics", timeout=1) as reply:
            return sum(map(float, _FORWARDED.findall(reply.read().decode())))
    except OSError:
        return None


def _datum(name: str, value: float, balancer: str, target_group: str) -> MetricDatumTypeDef:
    dimensions: list[DimensionTypeDef] = [{"Name": "LoadBalancer", "Value": balancer}]
    if target_group:
        dimensions.append({"Name": "TargetGroup", "Value": target_group.rpartition(":")[2]})
    return {"MetricName": name, "Value": value, "Unit": "Count", "Dimensions": dimensions, "StorageResolution": 1}
