"""``cq history``: who did what, when, why, with what result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coinquery.cli.duration import DURATION
from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.durations import Duration
    from coinquery.stacks.journal import Line

#: How far back the history of all stacks goes where nobody says.
DAYS = 30


@click.command
@click.argument("stack", required=False)
@click.option("--coin", help="Of all stacks of this coin.")
@click.option("--since", type=DURATION, help=f"How far back (7d); of one stack all, of several {DAYS}d.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON document for each line of the journal.")
@json_option
@click.pass_obj
def command(
    session: Session, stack: str | None, coin: str | None, since: Duration | None, as_lines: bool, as_json: bool
) -> None:
    """Show what was done to STACK; without it, to every stack. Oldest first."""
    from datetime import UTC, datetime, timedelta

    from coinquery.fleet import history

    now, begin = session.clock.now(), since.seconds if since else None if stack else DAYS * 86400
    all_there_is = int((now - datetime.fromtimestamp(0, UTC)).total_seconds())
    wanted = history.Wanted(
        stack=_stream(stack) if stack else "",
        prefix=f"cq-{session.catalogue[coin].ticker}-" if coin else "",
        since=None if begin is None else now - timedelta(seconds=min(begin, all_there_is)),
    )
    lines = history.read(session.aws.logs(session.config.home_region), wanted)
    if as_json:
        print_json({"lines": lines})
    elif as_lines:
        _print_lines(lines)
    elif lines:
        _print_table(lines, several=not stack)
    else:
        click.echo(_nothing(session, wanted.stack), err=True)


def _stream(stack: str) -> str:
    from coinquery import naming
    from coinquery.stacks.journal import OTHERS

    return stack if stack.startswith(OTHERS) else str(naming.parse(stack))


def _nothing(session: Session, stream: str) -> str:
    """That there is no line; and of a number that was given out, what the ledger says."""
    from coinquery import naming
    from coinquery.stacks.journal import OTHERS
    from coinquery.stacks.ledger import Ledger
    from coinquery.stacks.parameter_store import ParameterStore

    entry = None
    if stream and not stream.startswith(OTHERS):
        ssm = session.aws.ssm(session.config.home_region)
        entry = Ledger(ParameterStore(ssm)).entry(naming.parse(stream))
    if entry is None:
        return "The journal has no line of it."
    by = f" by {entry.by}" if entry.by else ""
    return f"The journal has no line of it. Its number was reserved at {entry.reserved}{by}, for {entry.rollout}."


def _print_lines(lines: Iterable[Line]) -> None:
    import msgspec

    for line in lines:
        click.echo(msgspec.json.encode(line).decode())


def _print_table(lines: list[Line], *, several: bool) -> None:
    from coinquery.cli.table import print_table

    headings = ("time", "stack", "what", "result", "who", "why", "detail")
    rows = [
        (line.time[:19].replace("T", " ") + "Z", line.stack, line.what, line.result, _short(line.who), line.why,
         line.detail)
        for line in lines
    ]  # fmt: skip
    shown = [tuple(map(_plain, row)) for row in rows]
    if several:
        print_table(headings, shown)
    else:
        print_table((headings[0], *headings[2:]), [(row[0], *row[2:]) for row in shown])


def _short(who: str) -> str:
    """The end of an ARN, which names the role and the person: ``deployer/anna`` of ``…:assumed-role/deployer/anna``."""
    return who.rpartition(":")[2].removeprefix("assumed-role/").removeprefix("user/") or who


def _plain(text: str) -> str:
    """Text in one line, without what a terminal would take for an order."""
    return "".join(character if character.isprintable() else " " for character in text)
