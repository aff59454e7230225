"""``cq ls``: all stacks of all regions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from coinquery.cli.session import Session, json_option, print_json
from coinquery.cli.unanswered import refuse_incomplete, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.fleet.overview import Row


@click.command
@json_option
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """List all stacks of all regions: live or standby, release, commit, health, protection."""
    from coinquery.fleet import overview

    config = session.config
    fresh = timedelta(seconds=config.waits.record_age.seconds)
    seen = overview.look(session.aws, config, session.clock.now(), fresh)
    if as_json:
        print_json({"stacks": seen.rows, "unanswered": told(seen.unanswered)})
    elif seen.rows:
        _show(seen.rows)
    else:
        click.echo("There are no stacks.", err=True)
    refuse_incomplete(seen.unanswered)


def _show(rows: Iterable[Row]) -> None:
    from coinquery.cli.table import print_table

    print_table(
        ("stack", "region", "role", "release", "commit", "health", "protected", "status"),
        [
            (r.stack, r.region, r.role, r.release[:20], r.commit[:12], r.health, _word(r.protected), r.status)
            for r in rows
        ],
    )


def _word(protected: bool) -> str:
    return "yes" if protected else "no"
