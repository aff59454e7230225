"""Create-once values in SSM: the first writer wins, and everyone reads what the first wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery import aws

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient


class ParameterStore:
    """SSM parameters that are created and never changed or deleted (``Overwrite=False`` is an atomic create)."""

    def __init__(self, ssm: SSMClient) -> None:
        self._ssm = ssm

    def create(self, name: str, value: str) -> bool:
        """Create the parameter; False if it exists already, whatever its value.

        A create whose answer was lost also gives False: compare ``get(name)`` with what was meant.
        """
        try:
            self._ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=False)
        except self._ssm.exceptions.ParameterAlreadyExists:
            return False
        return True

    def settle(self, name: str, value: str) -> str:
        """Create the parameter unless it exists; return the value that stands."""
        if self.create(name, value):
            return value
        standing = self.get(name)
        return value if standing is None else standing

    def get(self, name: str) -> str | None:
        """The value, or None if there is no such parameter."""
        try:
            return self._ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def below(self, path: str) -> dict[str, str]:
        """Every parameter below a path, by full name."""
        found = aws.pages(self._ssm, "get_parameters_by_path", "Parameters", Path=path, Recursive=True)
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    def note(self, name: str, value: str) -> None:
        """Write a value that is only a hint and may be overwritten by anyone."""
        self._ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
