"""``cq status``: one stack in full, instance by instance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from coinquery import naming
from coinquery.cli.session import Session, json_option, print_json
from coinquery.cli.unanswered import refuse_incomplete, told

if TYPE_CHECKING:
    from coinquery.fleet.detail import Detail


@click.command
@click.argument("stack", required=False)
@json_option
@click.pass_obj
def command(session: Session, stack: str | None, as_json: bool) -> None:
    """Show STACK in full; without it, every stack."""
    from coinquery.fleet.detail import detail
    from coinquery.stacks import inventory

    config, wanted = session.config, naming.parse(stack) if stack else None
    seen = inventory.survey(session.aws, config.regions)
    found = [s for s in seen.stacks if wanted in (None, s.name)]
    if wanted is not None and seen.find(str(wanted)) is None:
        from coinquery.errors import NoSuchStack

        raise NoSuchStack(f"there is no stack {wanted}", f"See what became of it: cq find {wanted}")
    unanswered = {} if wanted else seen.unanswered
    fresh = timedelta(seconds=config.waits.record_age.seconds)
    details = [detail(session.aws, config, s, session.clock.now(), fresh) for s in found]
    if as_json:
        print_json({"stacks": details, "unanswered": told(unanswered)})
    else:
        for one in details:
            _show(one)
    refuse_incomplete(unanswered)


def _show(one: Detail) -> None:
    from coinquery.cli.table import print_table

    protection = "complete" if not one.missing else "missing: " + ", ".join(one.missing)
    lines = {
        "region": one.region,
        "role": one.role,
        "health": one.health,
        "status": one.status,
        "release": one.release,
        "commit": one.commit,
        "rollout": one.rollout,
        "author": one.author,
        "created": f"{one.created:%Y-%m-%d %H:%M:%S}Z",
        "protection": protection if one.stack.endswith("-prod") else "none: not production",
        "load balancer": one.load_balancer,
    }
    click.echo(one.stack)
    for key, value in lines.items():
        click.echo(f"  {key:<14} {value}")
    print_table(
        ("  instance", "state", "address", "zone", "verdict", "height", "age", "reason"),
        [
            (f"  {i.instance}", i.state, i.address, i.zone, i.verdict, _known(i.height), _seconds(i.age), i.reason)
            for i in one.instances
        ],
    )
    click.echo()


def _known(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _seconds(age: int | None) -> str:
    return "" if age is None else f"{age} s"
