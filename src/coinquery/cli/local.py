"""``cq local``: the AWS of one machine, brought up, looked at, taken down."""

from __future__ import annotations

import sys
import time

import click

from coinquery.cli.session import json_option, print_json


@click.group
def command() -> None:
    """The AWS of one machine: for trying out, for tests and for demonstrations, on loopback only."""


@command.command
def up() -> None:
    """Bring it up, with a fresh account, and say how to use it."""
    from coinquery.local import world
    from coinquery.local.state import State

    state, began = State.default(), time.monotonic()
    fresh = world.up(state, lambda text: click.echo(f"{time.monotonic() - began:5.1f} s  {text}", err=True))
    took = f" after {time.monotonic() - began:.1f} s" if fresh else " already"
    click.echo(f"The AWS of this machine is up{took}: {state.gateway}", err=True)
    click.echo('Use it with: eval "$(cq local env)"', err=True)


@command.command
def down() -> None:
    """Take it down, whatever is left of it."""
    from coinquery.local import world
    from coinquery.local.state import State

    ended = world.down(State.default())
    click.echo(f"Ended {ended} processes." if ended else "The AWS of this machine was down already.", err=True)


@command.command
@json_option
def status(as_json: bool) -> None:
    """Show every part; exit code 1 unless all run."""
    from coinquery.local import world
    from coinquery.local.state import State

    parts = world.health(State.default())
    whole = bool(parts) and not any(part.problem for part in parts)
    if as_json:
        print_json({"up": whole, "parts": parts})
    for part in [] if as_json else parts:
        click.echo(f"{part.name:<20} {part.pid:>8}  {part.listens:<22} {part.problem or 'runs'}")
    if not parts:
        click.echo("The AWS of this machine is down. Bring it up with: cq local up", err=True)
    elif not whole:
        click.echo("It is not whole. Start afresh with: cq local down && cq local up", err=True)
    sys.exit(0 if whole else 1)


@command.command
def env() -> None:
    """Print what leads a shell there: eval "$(cq local env)"."""
    from coinquery.local import environment
    from coinquery.local.state import State

    click.echo(environment.shell(State.default()))
