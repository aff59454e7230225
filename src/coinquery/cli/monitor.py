"""``cq monitor``: the health monitor, here instead of in Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from coinquery.monitor.records import Record


@click.group
def command() -> None:
    """The health monitor, here instead of in Lambda: the same sweeps, the same records."""


@command.command
@click.option("--once", is_flag=True, help="One sweep, then end.")
@click.option("--region", metavar="REGION", help="The region to sweep; else the one that production uses.")
@json_option
@click.pass_obj
def run(session: Session, once: bool, region: str | None, as_json: bool) -> None:
    """Look at every production instance of a region, each minute, and write what was seen to CloudWatch.

    It asks the nodes themselves, so it must run where their private addresses can be reached: in their network, or
    through a VPN.
    """
    from coinquery.monitor import here

    for summary, records in here.sweeps(
        session.config, session.aws, session.clock, region, _nobody if as_json else _show
    ):
        if as_json:
            print_json({"summary": summary, "records": records})
        else:
            click.echo(f"{summary.sweep}: {summary.healthy} of {summary.instances} healthy, {summary.seconds:.1f} s")
        if here.none_reached(records):
            click.echo("cq: no instance could be reached from here; run it inside the nodes' network.", err=True)
        if once:
            return


def _show(record: Record) -> None:
    click.echo(f"{record.time:%H:%M:%S}Z {record.stack:<20} {record.instance:<20} {record.verdict:<13} {record.reason}")


def _nobody(record: Record) -> None:  # noqa: ARG001
    return
