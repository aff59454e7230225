"""``cq monitor``: the health monitor, here instead of in Lambda, and its silences."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from coinquery.cli.duration import DURATION
from coinquery.cli.session import Session, json_option, print_json
from coinquery.cli.unanswered import refuse_incomplete, told

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from coinquery.cli.live_table import Shown
    from coinquery.durations import Duration

NO_WAY = (
    "cq: no instance could be reached from here, so nothing was recorded; "
    "run it inside the nodes' network, or through a VPN."
)


@click.group
def command() -> None:
    """The health monitor, here instead of in Lambda; and silences, for work that is announced."""


@command.command
@click.option("--once", is_flag=True, help="One sweep, then end.")
@click.option("--region", metavar="REGION", help="The region to sweep; else the one that production uses.")
@json_option
@click.pass_obj
def run(session: Session, once: bool, region: str | None, as_json: bool) -> None:
    """Look at every production instance of a region, each minute, and write what was seen to CloudWatch.

    It asks the instances themselves, so it must run where their private addresses can be reached: in their network, or
    through a VPN. It tells nobody of alerts; that is the business of the monitor in Lambda.
    """
    from coinquery.monitor import here

    with _shown(session, as_json) as shown:
        for summary, records in here.sweeps(session.config, session.aws, session.clock, region, shown.record):
            if as_json:
                print_json({"summary": summary, "records": records})
            shown.summary(summary)
            if here.none_reached(records):
                click.echo(NO_WAY, err=True)
            if once:
                return


@command.command
@click.argument("stack")
@click.option("--for", "length", type=DURATION, metavar="DURATION", help="How long: 30m, 2h, at most 7d.")
@click.option("--why", metavar="TEXT", help="The reason, for those who wonder.")
@click.option("--end", is_flag=True, help="End the silence now.")
@json_option
@click.pass_obj
def silence(session: Session, stack: str, length: Duration | None, why: str | None, end: bool, as_json: bool) -> None:
    """Raise no alert of STACK for a time. It is looked at and recorded all the same.

    What is still wrong when the time is over is raised then.
    """
    from coinquery import naming
    from coinquery.errors import WrongUse
    from coinquery.monitor.silencing import Silencing

    silencing = Silencing.of(session.config, session.aws, session.clock, naming.parse(stack))
    if end and length is None and why is None:
        silencing.end()
        _say_silence(as_json, stack, None)
        return
    if end or length is None or not why:
        raise WrongUse("say for how long and why, or --end", f'cq monitor silence {stack} --for 2h --why "new disks"')
    _say_silence(as_json, stack, silencing.begin(length, why).until.strftime("%Y-%m-%dT%H:%M:%SZ"))


@command.command
@json_option
@click.pass_obj
def silences(session: Session, as_json: bool) -> None:
    """The silences that last: which stack, until when, by whom, why."""
    from coinquery.cli.table import print_table
    from coinquery.monitor.silencing import lasting

    seen = lasting(session.config, session.aws, session.clock)
    found = sorted(each for silences in seen.given.values() for each in silences.items())
    if as_json:
        shown = [{"stack": stack, "silence": silence} for stack, silence in found]
        print_json({"silences": shown, "unanswered": told(seen.unanswered)})
    else:
        rows = [(stack, f"{s.until:%Y-%m-%d %H:%M:%S}Z", s.by, s.why) for stack, s in found]
        print_table(("stack", "until", "by", "why"), rows)
    refuse_incomplete(seen.unanswered)


def _say_silence(as_json: bool, stack: str, until: str | None) -> None:
    if as_json:
        print_json({"stack": stack, "until": until})
    else:
        click.echo(f"{stack} is not silenced" if until is None else f"{stack} is silenced until {until}")


def _shown(session: Session, as_json: bool) -> AbstractContextManager[Shown]:
    from contextlib import nullcontext

    from coinquery.cli import live_table

    if as_json:
        return nullcontext(live_table.Nothing())
    return live_table.table(session.clock) if sys.stdout.isatty() else nullcontext(live_table.Lines())
