"""Sweeps where this process stands, in place of Lambda's: the same code, the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from coinquery.errors import ClockWrong, WrongUse
from coinquery.monitor.configuration import Configuration
from coinquery.monitor.gate import CLOCK_SKEW
from coinquery.monitor.invoke import Summary
from coinquery.monitor.records import Record
from coinquery.monitor.watch import Watch
from coinquery.monitor.writer import was_reached

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config

#: Seconds from the beginning of one sweep to that of the next.
PERIOD = 60


def sweeps(
    config: Config, aws: Aws, clock: Clock, region: str | None, on_record: Callable[[Record], None]
) -> Iterator[tuple[Summary, Sequence[Record]]]:
    """Sweep each minute for as long as the caller goes on; give each sweep's summary and records.

    Raises WrongUse where production has several regions and none is named, or a region that is not one of them;
    ClockWrong where this machine's clock would date records wrongly (Lambda's is AWS's own).
    """
    chosen = _region(config, region)
    configuration = Configuration.from_config(config)
    while True:
        _check_clock(aws, chosen, clock)
        began = clock.now()
        records: list[Record] = []

        def keep(record: Record, kept: list[Record] = records) -> None:
            kept.append(record)
            on_record(record)

        watch = Watch(region=chosen, aws=aws, configuration=configuration, clock=clock, by="here", on_record=keep)
        yield watch.once(), records
        clock.sleep(max(0.0, PERIOD - (clock.now() - began).total_seconds()))


def none_reached(records: Sequence[Record]) -> bool:
    """Whether no instance answered, as from a place without a way to the nodes' network."""
    return bool(records) and not any(was_reached(record) for record in records)


def _check_clock(aws: Aws, region: str, clock: Clock) -> None:
    """AWS takes requests of clocks that are minutes wrong, and a record from the future hides those that come after."""
    headers = aws.sts(region).get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    ahead = clock.now() - parsedate_to_datetime(headers["date"])
    if abs(ahead) > CLOCK_SKEW:
        side = "ahead of" if ahead > timedelta() else "behind"
        raise ClockWrong(
            f"this machine's clock is {abs(ahead).total_seconds():.0f} s {side} AWS's, the limit is "
            f"{CLOCK_SKEW.total_seconds():.0f} s",
            "Nothing was recorded. Set the clock (NTP does it), then run the same command again.",
        )


def _region(config: Config, named: str | None) -> str:
    regions = config.level("prod").regions
    if named is None and len(regions) > 1:
        raise WrongUse(f"production uses several regions: {', '.join(regions)}", "Name one with --region.")
    if named is not None and named not in regions:
        raise WrongUse(f"production does not use region {named!r}", f"Its regions: {', '.join(regions)}.")
    return named or regions[0]
