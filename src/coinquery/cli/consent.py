"""Ask before production is changed; refuse where nobody can be asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from coinquery.errors import NotAgreed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.rollout.step import Step


def show_plan(steps: Iterable[Step]) -> list[dict[str, str]]:
    """Print what each step would do, on standard error; return the same as data."""
    lines = [{"step": step.title, "intent": step.intent(), "at_most": str(step.limit)} for step in steps]
    for line in lines:
        click.echo(f"  {line['step']:<24} {line['intent']}", err=True)
    return lines


def ask(question: str, *, yes: bool) -> None:
    """Go on if a person agrees or has agreed with ``--yes``; raise NotAgreed otherwise."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotAgreed("there is no terminal to ask on", "Look at the plan with --plan, then add --yes.")
    if not click.confirm(question, err=True):
        raise NotAgreed("not agreed", "Nothing was changed. Run it again and answer y, or add --yes.")
