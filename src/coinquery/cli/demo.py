"""``cq demo``: the whole process on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coinquery.cli.session import json_option, print_json

if TYPE_CHECKING:
    from coinquery.local.demo.demo import Summary


@click.command
@click.option("--keep", is_flag=True, help="Leave it all running and say what to try next.")
@json_option
def command(keep: bool, as_json: bool) -> None:
    """From nothing to two production stacks and back, on loopback; no AWS account is ever touched."""
    from coinquery.errors import DemoFailed, LocalAwsUp
    from coinquery.local import environment, world
    from coinquery.local.demo.demo import Demo, next_steps
    from coinquery.local.state import State

    state = State.default()
    if world.health(state):
        raise LocalAwsUp("the AWS of this machine is up already", "Take it down first with: cq local down")
    environment.enter(state)
    try:
        summary = Demo(state, lambda text: click.echo(text, err=True)).run()
    except BaseException:
        if not keep:
            world.down(state)
        raise
    if not keep:
        world.down(state)
    if as_json:
        print_json(summary)
    else:
        _show(summary)
    if keep:
        click.echo(next_steps(state), err=True)
    if summary.requests.lost:
        raise DemoFailed(
            f"{summary.requests.lost} of {summary.requests.sent} requests were lost, 0 may be: "
            f"{summary.requests.problems}",
            f"Run it again with --keep, and look at the logs in {state.root / 'logs'}.",
        )


def _show(summary: Summary) -> None:
    from coinquery.cli.table import print_table

    rows: list[tuple[str, object, str]] = []
    for step in summary.steps:
        rows.append((step.step, step.exit, f"{step.seconds:.1f}"))
        rows += [(f"  {inner['step']}", "", f"{inner['seconds']:.1f}") for inner in step.steps]
    print_table(("step", "exit", "seconds"), rows)
    for stack in summary.stacks:
        click.echo(f"{stack['stack']} in {stack['region']}: release {stack['release']}, commit {stack['commit']}")
    requests = summary.requests
    click.echo(f"requests: {requests.sent} sent, {requests.lost} lost; {summary.seconds:.1f} s in all")
