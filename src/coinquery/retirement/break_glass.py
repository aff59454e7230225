"""Breaking the glass: what of the ladder was skipped, by whom and why, kept in the rollout's notes and told (I6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coinquery import stored
from coinquery.durations import Duration
from coinquery.notify.messages import glass_broken
from coinquery.rollout.step import Observation, holds, missing
from coinquery.rollout.telling import Telling

if TYPE_CHECKING:
    from coinquery.naming import StackName
    from coinquery.notify.announcer import Announcer
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.notes import Notes

NOTE, CLAIM, TOLD = "broken-glass", "telling-broken-glass", "told-broken-glass"


class BrokenGlass(msgspec.Struct, frozen=True, kw_only=True):
    """``skipped`` are the rungs that did not hold, each with what it saw."""

    time: str
    who: str
    reason: str
    skipped: tuple[str, ...]


def keep(notes: Notes, broken: BrokenGlass) -> None:
    """Keep it, unless the glass was broken before."""
    notes.settle(NOTE, msgspec.json.encode(broken).decode())


def kept(notes: Notes) -> BrokenGlass | None:
    """What is kept; None if the glass is whole. Raises Unreadable."""
    value = notes.get(NOTE)
    return None if value is None else stored.decode(value, BrokenGlass, notes.path(NOTE))


class TellBrokenGlass:
    """Tells the team. A Slack that fails is told and undoes nothing."""

    title = "tell the team"
    limit = Duration(120)

    def __init__(self, name: StackName, notes: Notes, means: Means, announcer: Announcer) -> None:
        self._name = name
        self._notes = notes
        self._telling = Telling(announcer, means.clock, CLAIM, TOLD)
        self._silent = means.config.slack is None

    def intent(self) -> str:
        """What the plan shows."""
        return "nothing: cq.toml has no [slack]" if self._silent else "which rungs are skipped, and why, in Slack"

    def observe(self) -> Observation:
        """Whether the team was told."""
        if self._silent:
            return holds("Slack is not configured")
        if self._telling.problem:
            return holds("the team was not told", self._telling.problem)
        if kept(self._notes) is None:
            return holds("no rung was skipped")
        return holds("Slack was told") if self._telling.done(self._notes) else missing("the team was not told")

    def act(self) -> None:
        """Tell it."""
        broken = kept(self._notes)
        if broken is not None:
            self._telling.tell(
                self._notes,
                lambda repeat: glass_broken(str(self._name), broken.who, broken.reason, broken.skipped, repeat),
            )
