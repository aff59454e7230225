"""``cq retire``: take a stack down, by the ladder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from coinquery import naming
from coinquery.cli.duration import DURATION
from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from coinquery.durations import Duration


@click.command
@click.argument("stack")
@click.option("--name", "typed", metavar="STACK", help="The name typed again in full, where there is no terminal.")
@click.option("--plan", "plan_only", is_flag=True, help="Show every rung of the ladder and change nothing.")
@click.option("--break-glass", "reason", metavar="REASON", help="Skip the rungs that only wait; the team is told why.")
@click.option("--wait", type=DURATION, help="Stay at most this long (30m); the same command carries on.")
@json_option
@click.pass_obj
def command(
    session: Session,
    stack: str,
    typed: str | None,
    plan_only: bool,
    reason: str | None,
    wait: Duration | None,
    as_json: bool,
) -> None:
    """Take STACK down: not the live one, not one with requests, and production only with its name typed in full."""
    from coinquery import reasons
    from coinquery.cli import consent, ladder
    from coinquery.cli.progress import shown
    from coinquery.errors import WrongUse
    from coinquery.retirement import retire
    from coinquery.rollout.means import gather
    from coinquery.rollout.run import Run

    name = naming.parse(stack)
    why = "" if reason is None else reasons.check(reason, "--break-glass")
    settle = session.config.waits.settle
    if wait is not None and not plan_only and not settle < wait:
        raise WrongUse(
            f"--wait {wait} is no longer than waits.settle ({settle}), which comes first",
            f"Give --wait more than {settle}, or leave it away.",
        )
    means = gather(session.aws, session.config, session.clock, name.coin, name.level)
    if typed is None and not plan_only and sys.stdin.isatty():
        typed = click.prompt("Type the stack's name in full", err=True)
    planned = retire.make_plan(means, name, typed, why)
    document: dict[str, Any] = {"stack": str(name), "retired": not plan_only, "kept": planned.kept}
    document["ladder"] = ladder.show(str(name), planned.rungs, why)
    document["plan"] = consent.show_plan((*planned.ladder, *planned.steps))
    if not plan_only:
        with shown(session.clock) as progress:
            run = Run(session.clock, progress, session.config.waits.poll, wait)
            retire.carry_out(planned, means, run)
        document["steps"] = run.done
    if as_json:
        print_json(document)
    elif not plan_only:
        click.echo(f"{name} is gone. Kept:")
        for kept in planned.kept:
            click.echo(f"  {kept}")
