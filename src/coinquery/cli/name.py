"""``cq name``: the parts of a stack name and every AWS name derived from it."""

from __future__ import annotations

import click

from coinquery import naming
from coinquery.cli.session import Session, json_option, print_json


@click.command
@click.argument("stack")
@json_option
@click.pass_obj
def command(session: Session, stack: str, as_json: bool) -> None:
    """Print the parts of STACK and every AWS name derived from it, with AWS's limit for each."""
    name = naming.parse(stack)
    session.catalogue[name.coin]
    parts = {"serviceType": naming.SERVICE_TYPE, "coin": name.coin, "number": f"{name.number:04}", "level": name.level}
    derived = name.derived()
    if as_json:
        print_json({"name": str(name), **parts, "derived": derived})
        return
    for key, value in parts.items():
        click.echo(f"{key:<24} {value}")
    for item in derived:
        click.echo(f"{item.kind:<24} {item.value:<44} {len(item.value)} of {item.limit}")
