"""``cq bootstrap``: what a region needs once."""

from __future__ import annotations

import click

from coinquery.cli.session import Session, json_option, print_json


@click.command
@click.option("--region", help="The region; all configured ones, home first, where it is not given.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def command(session: Session, region: str | None, plan_only: bool, yes: bool, as_json: bool) -> None:
    """Bring network and monitor into regions, roles and guard into the account. Safe to repeat."""
    from coinquery.bootstrap import plan
    from coinquery.bootstrap.chapter import journaled
    from coinquery.cli import consent
    from coinquery.cli.progress import shown
    from coinquery.rollout.run import Run

    config = session.config
    others = [other for other in config.regions if other != config.home_region]
    regions = [region] if region else [config.home_region, *others]
    planned = {where: plan.make_plan(session.aws, config, where) for where in regions}
    document = {}
    for where, steps in planned.items():
        click.echo(where, err=True)
        document[where] = consent.show_plan(steps)
    if not plan_only:
        consent.ask(f"Bring these into {', '.join(regions)}?", yes=yes)
        with shown(session.clock) as progress:
            for where, steps in planned.items():
                told = journaled(steps, session.aws, config, session.clock, where)
                Run(session.clock, progress, config.waits.poll).carry_out(told)
    if as_json:
        print_json({"regions": regions, "plan": document, "done": not plan_only})
