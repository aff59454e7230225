"""Sweeps where this process stands, in place of Lambda's: the same code, the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from coinquery.account import timely_caller
from coinquery.errors import WrongUse
from coinquery.monitor.configuration import Configuration
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
        timely_caller(aws, chosen, clock)
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


def _region(config: Config, named: str | None) -> str:
    regions = config.level("prod").regions
    if named is None and len(regions) > 1:
        raise WrongUse(f"production uses several regions: {', '.join(regions)}", "Name one with --region.")
    if named is not None and named not in regions:
        raise WrongUse(f"production does not use region {named!r}", f"Its regions: {', '.join(regions)}.")
    return named or regions[0]
