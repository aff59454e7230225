"""``cq rollback``: give the name back to the stack before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coinquery import naming
from coinquery.cli.duration import DURATION
from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from coinquery.durations import Duration


@click.command
@click.argument("coin")
@click.option("--level", default="prod", show_default=True, help="prod, stage, dev or test.")
@click.option("--from", "source", metavar="STACK", help="The stack to go back from; needed to go back a second time.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", type=DURATION, help="Stay at most this long (30m); the same command carries on.")
@json_option
@click.pass_obj
def command(
    session: Session,
    coin: str,
    level: str,
    source: str | None,
    plan_only: bool,
    yes: bool,
    wait: Duration | None,
    as_json: bool,
) -> None:
    """Give COIN's name back to the stack that it led to before the last switch."""
    from coinquery.cli import consent
    from coinquery.cli.progress import shown
    from coinquery.rollout import rollback
    from coinquery.rollout.means import gather
    from coinquery.rollout.run import Run

    session.catalogue[coin]
    means = gather(session.aws, session.config, session.clock, coin, level)
    planned = rollback.make_plan(means, coin, level, naming.parse(source) if source else None)
    going = planned.going
    steps = consent.show_plan(planned.steps)
    result = {"from": str(going.source), "to": str(going.destination.name), "plan": steps}
    if plan_only:
        if as_json:
            print_json(result)
        return
    consent.ask(f"Give {means.names.public.name} back to {going.destination.name}?", yes=yes)
    with shown(session.clock) as progress:
        run = Run(session.clock, progress, session.config.waits.poll, wait)
        rollback.carry_out(planned, means, run)
    if as_json:
        print_json({**result, "steps": run.done})
        return
    click.echo(f"{means.names.public.name} leads to {going.destination.name} again; {going.source} does not.")
