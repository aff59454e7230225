"""How sweeps look: on a terminal a table of every instance's newest record, elsewhere a line for each record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from coinquery.clock import Clock
    from coinquery.monitor.invoke import Summary
    from coinquery.monitor.records import Record

#: How a verdict is coloured; what is none of these is trouble.
STYLES = {"healthy": "green", "starting": "cyan", "syncing": "cyan", "filling": "yellow", "unknown": "yellow"}


class Shown(Protocol):
    """What shows records as they are made, and each sweep's summary."""

    def record(self, record: Record) -> None:
        """Show one record."""
        ...

    def summary(self, summary: Summary) -> None:
        """Show that a sweep is over."""
        ...


@contextmanager
def table(clock: Clock) -> Iterator[Shown]:
    """A live table on standard output, for as long as the block runs."""
    from rich.live import Live

    shown = LiveTable(clock)
    with Live(get_renderable=shown.render, refresh_per_second=2):
        yield shown


@dataclass
class LiveTable:
    """The newest record of each instance; those of the sweep before stay until the one under way ends."""

    clock: Clock
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    newest: Summary | None = None

    def record(self, record: Record) -> None:
        """Put the record in the place of the instance's last one."""
        self.records[record.stack, record.instance] = record

    def summary(self, summary: Summary) -> None:
        """Show the newest sweep; forget instances that are gone."""
        self.newest = summary
        self.records = {key: record for key, record in self.records.items() if record.sweep == summary.sweep}

    def render(self) -> Group:
        """The table as it is now, and below it why each instance is not healthy that is not."""
        from rich.console import Group
        from rich.text import Text

        records = [record for _, record in sorted(self.records.items())]
        reasons = [
            Text(f"{record.instance} is {record.verdict}: {record.reason}", STYLES.get(record.verdict, "red"))
            for record in records
            if record.verdict != "healthy"
        ]
        return Group(self._table(records), *reasons)

    def _table(self, records: Sequence[Record]) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        shown = Table(title=self._title(), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for heading in ("stack", "instance", "verdict", "height", "lag", "age", "client"):
            shown.add_column(heading, no_wrap=True)
        for record in records:
            shown.add_row(
                record.stack,
                record.instance,
                Text(record.verdict, STYLES.get(record.verdict, "red")),
                "unknown" if record.height is None else str(record.height),
                "" if record.lag_blocks is None else str(record.lag_blocks),
                f"{(self.clock.now() - record.time).total_seconds():.0f} s",
                Text(record.client or ""),
            )
        return shown

    def _title(self) -> str:
        return "the first sweep is under way" if self.newest is None else line(self.newest)


class Lines:
    """A line for each record, and one for each sweep."""

    def record(self, record: Record) -> None:
        """One line."""
        click.echo(
            f"{record.time:%H:%M:%S}Z {record.stack:<20} {record.instance:<20} {record.verdict:<13} {record.reason}"
        )

    def summary(self, summary: Summary) -> None:
        """One line."""
        click.echo(line(summary))


class Nothing:
    """For output that is data."""

    def record(self, record: Record) -> None:
        """Show nothing."""

    def summary(self, summary: Summary) -> None:
        """Show nothing."""


def line(summary: Summary) -> str:
    """A sweep in one line."""
    late = f", {summary.unreached} not reached" if summary.unreached else ""
    return f"{summary.sweep}: {summary.healthy} of {summary.instances} healthy{late}, {summary.seconds:.1f} s"
