"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from coinquery import __version__
from coinquery.cli.session import Session
from coinquery.errors import CoinQueryError

if TYPE_CHECKING:
    from coinquery.clock import Clock

#: Every command with its one line of help, so that ``cq --help`` need not load them.
COMMANDS = {
    "demo": "The whole process on this machine: two production stacks and the way back.",
    "local": "The AWS of one machine: up, down, status, env.",
    "check": "Configuration, credentials, regions, guard: what is missing, how to mend it.",
    "bootstrap": "What an account and a region need once: network, monitor, home region, roles, guard.",
    "name": "The parts of a stack name and every AWS name derived from it.",
    "release": "Releases from the production branch: create, list.",
    "deploy": "Take a release into a new stack and move the name to it.",
    "rollback": "Give the name back to the stack before.",
    "retire": "Take a stack down, by the ladder.",
    "ls": "All stacks: live or standby, release, commit, health, protection.",
    "status": "One stack in full, instance by instance.",
    "history": "Who did what to a stack, when, why, with what result.",
    "find": "An address, instance, host name or commit: which stack is it?",
    "monitor": "The health monitor, here instead of in Lambda; silences.",
    "dns": "The records, where they point, and whether the world sees it.",
}


class Commands(click.Group):
    """The commands of the table above; each is ``command`` in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of the process."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        loaded: click.Command = import_module(f"coinquery.cli.{cmd_name}").command
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cq")
@click.option("--config", metavar="FILE", help="The cq.toml to use; else CQ_CONFIG, else the nearest one upward.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cq(context: click.Context, config: str | None, debug: bool) -> None:  # noqa: ARG001 - _failed reads --debug
    """Numbered, immutable, protected production stacks for blockchain nodes.

    Exit codes: 0 done, 1 failed, 2 wrong use or bad configuration, 3 refused by a guard, 4 not finished: run the
    same command again.
    """
    context.obj = Session(config, context.obj)


def main() -> None:
    """Run the command line and exit with the code that belongs to the outcome."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str], clock: Clock | None = None) -> int:
    """Run one command, by the machine's own clock if it is handed none; return its exit code."""
    try:
        cq.main(arguments, prog_name="cq", standalone_mode=False, obj=clock)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as stop:
        return _stopped(arguments, stop)
    except Exception as error:
        return _failed(error, debug="--debug" in arguments)
    return 0


def _stopped(arguments: list[str], stop: BaseException) -> int:
    import shlex

    from coinquery.rollout.identity import NewRolloutStopped

    is_begun = isinstance(stop.__cause__, NewRolloutStopped)
    again = shlex.join(["cq", *(argument for argument in arguments if argument != "--new" or not is_begun)])
    click.echo(f"cq: stopped; nothing was undone. Carry on with: {again}", err=True)
    return 4


def _failed(error: Exception, *, debug: bool) -> int:
    from coinquery.aws import explain

    known = error if isinstance(error, CoinQueryError) else explain(error)
    if known is None or debug:
        import traceback

        traceback.print_exception(error)
    if known is None:
        click.echo("cq: this is a defect of cq; nothing further was done.", err=True)
        return 1
    click.echo(f"cq: {known.what}", err=True)
    if known.remedy:
        click.echo(f"    {known.remedy}", err=True)
    return known.exit_code
