"""Create-once values in SSM: the first writer wins, and everyone reads what the first wrote."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from coinquery import aws
from coinquery.clock import SystemClock, spread
from coinquery.errors import AwsUnreachable

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.literals import ParameterTierType

    from coinquery.clock import Clock

#: How often a parameter that exists is looked for.
READS = 5
#: Advanced, which costs, only where the region's 10,000 standard parameters are there ("Parameter tiers", SSM guide).
TIER: ParameterTierType = "Intelligent-Tiering"
_LOOKS_FIRST = "What was done before it stands. Run the same command again: it looks first."


class ParameterStore:
    """SSM parameters, above all those that are created and never changed (``Overwrite=False`` is an atomic create)."""

    def __init__(self, ssm: SSMClient, clock: Clock | None = None) -> None:
        self._ssm = ssm
        self._clock = clock or SystemClock()

    def create(self, name: str, value: str) -> bool:
        """Create the parameter; False if it exists already, whatever its value.

        A create whose answer was lost also gives False: compare ``get(name)`` with what was meant. While others create
        the same parameter SSM may refuse with TooManyUpdates, which boto3 does not repeat. Raises AwsUnreachable if it
        goes on refusing.
        """
        for _ in range(READS):
            try:
                self._ssm.put_parameter(Name=name, Value=value, Type="String", Tier=TIER, Overwrite=False)
            except self._ssm.exceptions.ParameterAlreadyExists:
                return False
            except self._ssm.exceptions.TooManyUpdates:
                self._clock.sleep(spread(1.0))
            else:
                return True
        raise AwsUnreachable(f"SSM refused {READS} times to create {name}: TooManyUpdates", _LOOKS_FIRST)

    def settle(self, name: str, value: str) -> str:
        """Create the parameter unless it exists; return the value that stands.

        One that exists and is not shown is created again: it may have been a lock that was taken back meanwhile.
        Raises AwsUnreachable if it neither comes to light nor goes within a few seconds.
        """
        for _ in range(READS):
            if self.create(name, value):
                return value
            standing = self.get(name)
            if standing is not None:
                return standing
            self._clock.sleep(spread(1.0))
        raise AwsUnreachable(f"SSM says that {name} exists and does not show it", _LOOKS_FIRST)

    def get(self, name: str) -> str | None:
        """The value, or None if there is no such parameter."""
        try:
            return self._ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def remove(self, name: str) -> None:
        """Take away a parameter that is a lock and no record; one that is gone is gone."""
        self._ssm.delete_parameters(Names=[name])

    def below(self, path: str) -> dict[str, str]:
        """Every parameter below a path, by full name."""
        found = aws.pages(self._ssm, "get_parameters_by_path", "Parameters", Path=path, Recursive=True)
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    def replace(self, name: str, value: str) -> str | None:
        """Write a value in place of what stands; return what stands then: another's, if others wrote after it.

        Raises AwsUnreachable if SSM goes on refusing, since others change the same parameter.
        """
        for _ in range(READS):
            try:
                self._ssm.put_parameter(Name=name, Value=value, Type="String", Tier=TIER, Overwrite=True)
            except self._ssm.exceptions.TooManyUpdates:
                self._clock.sleep(spread(1.0))
            else:
                return self._settled(name, value)
        raise AwsUnreachable(f"SSM refused {READS} times to write {name}: TooManyUpdates", _LOOKS_FIRST)

    def _settled(self, name: str, value: str) -> str | None:
        """What stands after a write; another value is looked at again, since SSM may show the old one for a while."""
        standing = self.get(name)
        for _ in range(READS):
            if standing == value:
                break
            self._clock.sleep(spread(1.0))
            standing = self.get(name)
        return standing

    def note(self, name: str, value: str) -> None:
        """Write a value that is only a hint and may be overwritten by anyone; who writes at the same time may win."""
        with suppress(self._ssm.exceptions.TooManyUpdates):
            self._ssm.put_parameter(Name=name, Value=value, Type="String", Tier=TIER, Overwrite=True)
