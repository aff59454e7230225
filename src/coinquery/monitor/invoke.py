"""Ask the monitor to look now. It writes what it sees; nothing is believed from its answer but that it looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coinquery.errors import MonitorFailed, NotBootstrapped
from coinquery.monitor.configuration import FUNCTION
from coinquery.stored import NOT_OF_KIND

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep says of itself: its id, the instances it looked at, and how long it took in seconds."""

    sweep: str
    instances: int
    healthy: int
    unreached: int
    seconds: float


@dataclass(frozen=True)
class Busy:
    """A sweep is under way; its records, or the next one's, will come without asking."""


def ask(functions: LambdaClient, function: str = FUNCTION) -> Summary | Busy:
    """Run one sweep now and wait for its end.

    Raises NotBootstrapped if there is no monitor in the region (a monitor that is off proves nothing), MonitorFailed
    if the sweep failed.
    """
    try:
        answer = functions.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=b"{}")
    except functions.exceptions.TooManyRequestsException:
        return Busy()
    except functions.exceptions.ResourceNotFoundException:
        raise NotBootstrapped(
            f"no function {function} in {functions.meta.region_name}: the monitor is off",
            f"Run: cq bootstrap --region {functions.meta.region_name}",
        ) from None
    look = f"aws logs tail /aws/lambda/{function} --region {functions.meta.region_name} --since 10m"
    return _summary(look, answer["Payload"].read(), answer.get("FunctionError"))


def _summary(look: str, payload: bytes, failed: str | None) -> Summary:
    try:
        if failed is None:
            return msgspec.json.decode(payload, type=Summary)
    except NOT_OF_KIND:
        pass
    raise MonitorFailed(
        f"the monitor failed: {payload[:500].decode(errors='replace')}",
        f"Its log says more: {look}. Then run the same command again.",
    )
