"""``cq release``: make a release, list the releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from coinquery.notify import Delivery, Message


@click.group
def command() -> None:
    """Releases: annotated tags on the remote's production branch."""


@command.command
@click.argument("coin")
@click.argument("tag")
@json_option
@click.pass_obj
def create(session: Session, coin: str, tag: str, as_json: bool) -> None:
    """Make the commit that is checked out a release of COIN under TAG, push the tag, tell Slack."""
    from coinquery.notify import new_release
    from coinquery.releases import create as making
    from coinquery.releases.git import Git

    config = session.config
    what = Git(Path.cwd()), coin, tag, config.catalogue, config.remote, config.production_branch
    before = making.earlier(*what)
    release = before or making.create(*what)
    delivery = _tell(session, new_release(release, possible_repeat=before is not None))
    if as_json:
        print_json({"release": release, "slack": delivery})
        return
    made = " since it was made before" if before else ""
    click.echo(f"{release.tag} is commit {release.commit}{made}\n\n{release.notes}")
    click.echo(f"\n{_told(release.tag, delivery)}", err=True)


@command.command("list")
@click.argument("coin", required=False)
@json_option
@click.pass_obj
def list_releases(session: Session, coin: str | None, as_json: bool) -> None:
    """List the releases on the remote, newest first; with COIN, those announced for it."""
    from coinquery.releases.git import Git
    from coinquery.releases.release import releases

    config = session.config
    ticker = config.catalogue[coin].ticker if coin else None
    found = releases(Git(Path.cwd()), config.remote, config.production_branch)
    shown = [release for release in found if ticker in (None, release.coin)]
    if as_json:
        print_json({"releases": shown})
        return
    for release in shown:
        when = f"{release.date:%Y-%m-%d %H:%M}Z"
        click.echo(f"{release.tag:<16} {release.coin or '-':<6} {release.commit} {when} {release.author}")


def _told(tag: str, delivery: Delivery) -> str:
    if delivery.delivered:
        return "Slack: told"
    remedy = f"The release {tag} stands. To tell Slack, mend that and run the same command again."
    return f"Slack was not told: {delivery.problem}\n    {remedy}"


def _tell(session: Session, message: Message) -> Delivery:
    from coinquery.aws import Aws
    from coinquery.notify import Announcer

    return Announcer.of(session.config, Aws(), session.clock).tell(message)
