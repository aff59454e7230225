"""``cq find``: which stack is it?"""

from __future__ import annotations

import click

from coinquery.cli.session import Session, json_option, print_json
from coinquery.cli.unanswered import refuse_incomplete, told


@click.command
@click.argument("anything")
@json_option
@click.pass_obj
def command(session: Session, anything: str, as_json: bool) -> None:
    """Name the stack that ANYTHING belongs to: an address, instance, volume, host name, URL, commit or release."""
    from coinquery.cli.table import print_table
    from coinquery.fleet.find import find

    found = find(session.aws, session.config, anything)
    unanswered = (f"{region} did not answer: {why}" for region, why in told(found.unanswered).items())
    for problem in (*found.unreadable, *unanswered):
        click.echo(f"warning: it may belong to that, too: {problem}", err=True)
    if as_json:
        print_json({"matches": found.matches, "unreadable": found.unreadable, "unanswered": told(found.unanswered)})
    elif found.matches:
        print_table(("stack", "region", "because"), [(m.stack, m.region, m.because) for m in found.matches])
    if not found.matches:
        refuse_incomplete(found.unanswered)
        from coinquery.errors import NothingFound

        raise NothingFound(
            f"{anything!r} belongs to no stack in {', '.join(session.config.regions)}",
            "Give it in full, of a commit at least 7 digits. Regions that are not in cq.toml were not looked at.",
        )
