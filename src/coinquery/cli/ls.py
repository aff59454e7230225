"""``cq ls``: all stacks of all regions."""

from __future__ import annotations

from datetime import timedelta

import click

from coinquery.cli.session import Session, json_option, print_json


@click.command
@json_option
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """List all stacks of all regions: live or standby, release, commit, health, protection."""
    from coinquery.cli.table import print_table
    from coinquery.fleet import overview

    config = session.config
    fresh = timedelta(seconds=config.waits.record_age.seconds)
    rows = overview.rows(session.aws, config, session.clock.now(), fresh)
    if as_json:
        print_json({"stacks": rows})
        return
    if not rows:
        click.echo("There are no stacks.", err=True)
        return
    print_table(
        ("stack", "region", "role", "release", "commit", "health", "protected", "status"),
        [
            (r.stack, r.region, r.role, r.release[:20], r.commit[:12], r.health, _word(r.protected), r.status)
            for r in rows
        ],
    )


def _word(protected: bool) -> str:
    return "yes" if protected else "no"
