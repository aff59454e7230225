"""``cq deploy``: take a release into a new stack and move the name to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coinquery.cli.duration import DURATION
from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from coinquery.durations import Duration
    from coinquery.rollout.rollout import Rollout
    from coinquery.rollout.run import Run


@click.command
@click.argument("coin")
@click.option("--release", required=True, metavar="TAG", help="The release; below prod any commit.")
@click.option("--level", default="prod", show_default=True, help="prod, stage, dev or test.")
@click.option("--region", help="The region; needed where the level has several.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--new", is_flag=True, help="Another rollout of the same release, not the unfinished one.")
@click.option("--number", type=click.IntRange(1, 9999), help="This stack number; refused if it was ever given out.")
@click.option("--snapshot", metavar="SNAPSHOT", help="Restore this snapshot as chain data, not the coin's own.")
@click.option("--wait", type=DURATION, help="Stay at most this long (30m); the same command carries on.")
@json_option
@click.pass_obj
def command(
    session: Session,
    coin: str,
    release: str,
    level: str,
    region: str | None,
    plan_only: bool,
    yes: bool,
    new: bool,
    number: int | None,
    snapshot: str | None,
    wait: Duration | None,
    as_json: bool,
) -> None:
    """Take a release of COIN into the next stack, prove it, and move the name over to it."""
    from coinquery.cli import consent
    from coinquery.cli.progress import shown
    from coinquery.releases.git import Git
    from coinquery.rollout import deploy
    from coinquery.rollout.means import gather
    from coinquery.rollout.run import Run

    session.catalogue[coin]
    means = gather(session.aws, session.config, session.clock, coin, level)
    order = deploy.Order(coin, release, level, region, new, number, snapshot)
    planned = deploy.make_plan(means, Git(Path.cwd()), order)
    steps = consent.show_plan(planned.steps)
    if plan_only:
        if as_json:
            print_json({"plan": steps, "rollout": planned.rollout.notes.id})
        return
    consent.ask(f"Deploy {coin} {release} to {level} in {planned.rollout.region}?", yes=yes)
    with shown(session.clock) as progress:
        run = Run(session.clock, progress, session.config.waits.poll, wait)
        deploy.carry_out(planned, means, run, new=new)
    _tell(planned.rollout, means.names.public.name, run, as_json)


def _tell(rollout: Rollout, name: str, run: Run, as_json: bool) -> None:
    result: dict[str, Any] = {
        "stack": str(rollout.reserved),
        "region": rollout.region,
        "release": rollout.release.tag,
        "commit": rollout.release.commit,
        "rollout": rollout.notes.id,
        "name": name,
        "steps": run.done,
    }
    if as_json:
        print_json(result)
        return
    click.echo(f"{result['stack']} is live: https://{name}/info answers {result['commit']} ({result['release']})")
