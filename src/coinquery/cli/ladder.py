"""How a ladder looks: a tree of its rungs on a terminal, plain lines elsewhere, each with what would satisfy it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.tree import Tree

    from coinquery.retirement.rung import Rung

HOLDS, REFUSES, SKIPPED = "✓", "✗", "»"
_COLOURS = {HOLDS: "green", REFUSES: "red", SKIPPED: "yellow"}


def show(stack: str, rungs: Iterable[Rung], reason: str) -> list[dict[str, Any]]:
    """Print every rung, on standard error; return the same as data. ``reason`` is why the glass is broken."""
    rungs = tuple(rungs)
    if not rungs:
        return []
    head = f"the ladder of {stack}" + (f", break-glass: {reason}" if reason else "")
    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True, highlight=False).print(tree(head, rungs))
    else:
        click.echo(head, err=True)
        for line in lines(rungs):
            click.echo(f"  {line}", err=True)
    return [as_data(rung) for rung in rungs]


def as_data(rung: Rung) -> dict[str, Any]:
    """A rung as ``--json`` has it."""
    return {
        "rung": rung.title,
        "holds": rung.holds,
        "skipped": rung.skipped,
        "waits": rung.waits,
        "saw": rung.saw,
        "needs": rung.needs,
    }


def lines(rungs: Iterable[Rung]) -> list[str]:
    """A line for each rung, and one below it for what would satisfy it."""
    shown = []
    for rung in rungs:
        shown.append(f"{_mark(rung)} {rung.title:<38}  {rung.saw}")
        if rung.needs:
            shown.append(f"    {_below(rung)}")
    return shown


def tree(head: str, rungs: Iterable[Rung]) -> Tree:
    """The same as a tree."""
    from rich.markup import escape
    from rich.tree import Tree

    root = Tree(escape(head))
    for rung in rungs:
        mark = _mark(rung)
        node = root.add(f"[{_COLOURS[mark]}]{mark}[/] [bold]{escape(rung.title)}[/bold]  {escape(rung.saw)}")
        if rung.needs:
            node.add(f"[dim]{escape(_below(rung))}[/dim]")
    return root


def _mark(rung: Rung) -> str:
    return HOLDS if rung.holds else SKIPPED if rung.skipped else REFUSES


def _below(rung: Rung) -> str:
    return f"skipped, the glass is broken; else: {rung.needs}" if rung.skipped else rung.needs
