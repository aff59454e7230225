"""How a run looks: a live tree of its steps on a terminal, plain time-stamped lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.live import Live
    from rich.tree import Tree

    from coinquery.clock import Clock
    from coinquery.rollout.run import Progress
    from coinquery.rollout.step import Observation, Step


@contextmanager
def shown(clock: Clock) -> Iterator[Progress]:
    """Progress on standard error, for as long as the block runs."""
    if not sys.stderr.isatty():
        yield PlainProgress(clock)
        return
    from rich.console import Console
    from rich.live import Live

    tree = TreeProgress(clock)
    with Live(get_renderable=tree.render, console=Console(stderr=True), refresh_per_second=4) as live:
        tree.live = live
        yield tree


def how_far(stands: Sequence[str], missing: Sequence[str]) -> str:
    """What stands and what is missing, in one line."""
    return f"stopped. Stands: {', '.join(stands) or 'nothing yet'}. Missing: {', '.join(missing)}."


@dataclass
class PlainProgress:
    """One line for each change: time, step, what it saw."""

    clock: Clock
    _last: str = ""

    def began(self, step: Step, deadline: datetime) -> None:
        """Say what begins and until when it may take at most."""
        self._last = ""
        self._say(f"{step.title}: begins, until {deadline:%Y-%m-%d %H:%M:%S}Z at most")

    def saw(self, step: Step, seen: Observation) -> None:
        """Say what is waited for, once."""
        if seen.detail != self._last and seen.outcome.value != "holds":
            self._last = seen.detail
            self._say(f"{step.title}: {seen.detail}")

    def ended(self, step: Step, seen: Observation, seconds: float) -> None:
        """Say that the step's result holds."""
        self._say(f"{step.title}: done in {seconds:.1f} s: {seen.detail}")
        if seen.warning:
            self._say(f"{step.title}: warning: {seen.warning}")

    def stopped(self, stands: Sequence[str], missing: Sequence[str]) -> None:
        """Say how far it came."""
        self._say(how_far(stands, missing))

    def _say(self, text: str) -> None:
        click.echo(f"{self.clock.now():%H:%M:%S}Z  {text}", err=True)


@dataclass
class Line:
    """One step as the tree shows it."""

    title: str
    mark: str
    detail: str


@dataclass
class TreeProgress:
    """The steps so far, the last of them with what it waits for and since when."""

    clock: Clock
    lines: list[Line] = field(default_factory=list)
    live: Live | None = None
    _begun: datetime | None = None
    _deadline: datetime | None = None

    def began(self, step: Step, deadline: datetime) -> None:
        """Add the step."""
        self._begun, self._deadline = self.clock.now(), deadline
        self.lines.append(Line(step.title, "…", ""))

    def saw(self, step: Step, seen: Observation) -> None:
        """Show what it saw."""
        self.lines[-1] = Line(step.title, "…", seen.detail)

    def ended(self, step: Step, seen: Observation, seconds: float) -> None:
        """Show that it holds."""
        self.lines[-1] = Line(step.title, "✓", f"{seen.detail} ({seconds:.1f} s)")
        if seen.warning:
            self.lines.append(Line(step.title, "!", seen.warning))

    def stopped(self, stands: Sequence[str], missing: Sequence[str]) -> None:  # noqa: ARG002 - the tree shows those
        """Show what is not done, a step under way or a note after one, and what comes after it."""
        if not self.lines or self.lines[-1].mark != "…":
            self.lines.append(Line(missing[0], "…", "missing"))
        self.lines[-1].mark = "✗"
        self.lines += [Line(title, "·", "missing") for title in missing[1:]]

    def render(self) -> Tree:
        """The tree as it is now."""
        from rich.markup import escape
        from rich.tree import Tree

        tree = Tree("cq", hide_root=True)
        for line in self.lines:
            node = tree.add(f"{line.mark} [bold]{line.title}[/bold]  {escape(line.detail)}")
            if line.mark == "…" and self._begun and self._deadline:
                waited = (self.clock.now() - self._begun).total_seconds()
                node.add(f"[dim]for {waited:.0f} s, until {self._deadline:%Y-%m-%d %H:%M:%S}Z at most[/dim]")
        return tree
