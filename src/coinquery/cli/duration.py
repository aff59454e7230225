"""A length of time as an option's value."""

from __future__ import annotations

import click

from coinquery.durations import Duration


class DurationType(click.ParamType[Duration]):
    """``90s``, ``10m``, ``2h``, ``14d``."""

    name = "duration"

    def convert(self, value: str | Duration, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        """Read it, or say what a duration looks like."""
        if isinstance(value, Duration):
            return value
        try:
            return Duration.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = DurationType()
