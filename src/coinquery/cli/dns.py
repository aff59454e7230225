"""``cq dns``: the records, where they point, and whether the world sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coinquery.cli.session import Session, json_option, print_json
from coinquery.cli.unanswered import refuse_incomplete, told

if TYPE_CHECKING:
    from coinquery.fleet.records import View


@click.group
def command() -> None:
    """The records of a coin."""


@command.command
@click.argument("coin")
@click.option("--level", default="prod", show_default=True, help="prod, stage, dev or test.")
@json_option
@click.pass_obj
def show(session: Session, coin: str, level: str, as_json: bool) -> None:
    """Show where COIN's names lead, what each authoritative server says, and what answers there."""
    from coinquery.fleet.records import look

    session.catalogue[coin]
    view = look(session.aws, session.config, coin, level)
    if as_json:
        print_json(
            {
                "records": view.records,
                "answers": view.answers,
                "infos": view.infos,
                "unanswered": told(view.unanswered),
            }
        )
    else:
        _show(view)
    refuse_incomplete(view.unanswered)


def _show(view: View) -> None:
    from coinquery.cli.table import print_table

    for record in view.records:
        click.echo(f"{record.kind:<8} {record.name} in zone {record.zone}: {record.target or 'no record'}")
        click.echo(f"{'':<8} stack: {record.stack or ('unknown' if view.unanswered else 'none of ours')}")
    print_table(
        ("name server", "addresses", "ttl", "problem"),
        [(a.server, ", ".join(a.addresses), f"{a.ttl} s", a.problem) for a in view.answers],
    )
    print_table(("address", "commit", "problem"), [(i.address, i.commit or "unknown", i.problem) for i in view.infos])
