"""``cq check``: what is missing, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coinquery.cli.session import Session, json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.check.finding import Finding

MARKS = {"ok": "✓", "missing": "✗", "unknown": "?"}
COLOURS = {"ok": "green", "missing": "red", "unknown": "yellow"}
#: How many things a line names; the document names all.
NAMED = 10


@click.command
@click.option("--region", help="Only this region; all configured ones where it is not given.")
@click.option("--scp", is_flag=True, help="Print the guard as service control policies, one a line, and check nothing.")
@json_option
@click.pass_obj
def command(session: Session, region: str | None, scp: bool, as_json: bool) -> None:
    """Configuration, credentials, permissions, regions: what is missing, and how to mend it.

    Changes nothing. Exit code 1 unless all is well; what could not be seen is not well.
    """
    from coinquery.check import account

    config = session.config
    if scp:
        _print_scp(session)
        return
    if region is not None:
        config.check_region(region)
    tree = account.check(session.aws, config, [region] if region else config.regions, session.clock.now())
    if as_json:
        print_json({"ok": tree.state == "ok", "check": as_data(tree)})
    else:
        for line, colour in lines(tree):
            click.secho(line, fg=colour)
    _end(tree)


def as_data(finding: Finding) -> dict[str, Any]:
    """A finding as ``--json`` has it."""
    return {
        "check": finding.title,
        "state": finding.state,
        "saw": finding.saw,
        "mend": finding.mend,
        "concerned": finding.concerned,
        "checks": [as_data(part) for part in finding.parts],
    }


def lines(finding: Finding, depth: int = 0) -> Iterator[tuple[str, str | None]]:
    """The tree in lines, each with its colour: what was seen, below it what is concerned and how to mend it."""
    indent = "  " * depth
    yield f"{indent}{MARKS[finding.state]} {finding.title:<26} {finding.saw}".rstrip(), COLOURS[finding.state]
    if finding.concerned:
        more = len(finding.concerned) - NAMED
        named = ", ".join(finding.concerned[:NAMED]) + (f" and {more} more (--json names all)" if more > 0 else "")
        yield f"{indent}    {named}", None
    if finding.mend:
        yield f"{indent}    {finding.mend}", None
    for part in finding.parts:
        yield from lines(part, depth + 1)


def _end(tree: Finding) -> None:
    """Raise NotReady unless all is well."""
    from coinquery.check.finding import leaves
    from coinquery.errors import NotReady

    checks = leaves(tree)
    bad = [check for check in checks if check.state != "ok"]
    if bad:
        raise NotReady(
            f"{len(bad)} of {len(checks)} checks are not ok: {', '.join(sorted({check.title for check in bad}))}",
            "Mend what is named, from the top, then run it again; what could not be seen is not ok either.",
        )


def _print_scp(session: Session) -> None:
    from coinquery.check import guard, organization
    from coinquery.errors import NotBootstrapped

    config = session.config
    iam = session.aws.iam(config.home_region)
    standing = {arn: organization.statements(iam, [arn]) for arn in guard.policies(session.aws, config)}
    absent = [arn for arn, statements in standing.items() if not statements]
    if absent:
        raise NotBootstrapped(
            f"account {config.account} has no guard: there is no {', '.join(absent)}",
            f"Run: cq bootstrap --region {config.home_region}",
        )
    for statements in standing.values():
        click.echo(organization.service_control_policy(statements))
