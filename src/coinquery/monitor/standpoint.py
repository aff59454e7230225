"""From where the public names are looked at: one region's monitor, with what one sweep has for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery import aws
from coinquery.dns.record import canonical
from coinquery.dns.zone import Zone
from coinquery.stacks.parameter_store import ParameterStore
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.monitor.configuration import Configuration, Production
    from coinquery.naming import StackName
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Standpoint:
    """One region at the time of one sweep: its production ``stacks``, and the name ``servers`` to ask."""

    region: str
    aws: Aws
    configuration: Configuration
    production: Production
    clock: Clock
    stacks: Mapping[StackName, Stack]
    servers: tuple[str, ...]

    @classmethod
    def of(
        cls, region: str, aws: Aws, configuration: Configuration, clock: Clock, stacks: Mapping[StackName, Stack]
    ) -> Standpoint | None:
        """None where the configuration knows no production. Asks AWS once (GetHostedZone), if it names no servers.

        Raises BadConfiguration, and what AWS raised.
        """
        production = configuration.production
        if production is None:
            return None
        zone = Zone(aws.route53(), production.zone)
        servers = production.name_servers or zone.check("public", production.name.format(coin="x"))
        return cls(
            region=region,
            aws=aws,
            configuration=configuration,
            production=production,
            clock=clock,
            stacks=stacks,
            servers=servers,
        )

    @property
    def store(self) -> ParameterStore:
        """The home region's parameters: ledger and notes of rollouts."""
        return ParameterStore(self.aws.ssm(self.configuration.home))

    def region_of(self, host: str) -> str | None:
        """The configured region that a load balancer's DNS name tells; None if it tells none."""
        labels = canonical(host).split(".")
        return next((region for region in self.configuration.regions if region in labels), None)

    def tells_of(self, host: str | None) -> bool:
        """Whether this region's monitor tells of a record that leads to ``host`` and to no stack here.

        Each record has one monitor that tells of it: its region's, and the home region's where it has none.
        """
        regions = self.configuration.regions
        home = self.configuration.home if self.configuration.home in regions else next(iter(regions), self.region)
        return self.region == ((None if host is None else self.region_of(host)) or home)

    def unprotected(self, stack: Stack) -> tuple[str, ...]:
        """What a stack lacks of its protection, its load balancers' included, as a sentence or none.

        Asks AWS once for the stack and once for each load balancer; an answer that does not come is said as well.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        protector = Protector(self.aws.cloudformation(stack.region), self.aws.elbv2(stack.region))
        try:
            missing = protector.of(stack).missing
        except (BotoCoreError, ClientError) as error:
            return (f"{stack.name}: AWS does not say whether it is protected: {said(error)}",)
        return (f"{stack.name} is not protected in full: it lacks {', '.join(missing)}",) if missing else ()


def said(error: Exception) -> str:
    """What AWS, or the way to it, said."""
    explained = aws.explain(error)
    return str(error) if explained is None else explained.what
