"""Tell the team something of a rollout at least once, and mark what may be a repetition (I11)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.clock import Clock
    from coinquery.notify.announcer import Announcer
    from coinquery.notify.messages import Message
    from coinquery.stacks.notes import Notes


class Telling:
    """The note ``claim`` is kept before Slack is called, ``told`` after it took the message.

    A claim without success may have been a success. ``problem`` says why Slack did not take the message and what helps.
    """

    def __init__(self, announcer: Announcer, clock: Clock, claim: str, told: str) -> None:
        self._announcer = announcer
        self._clock = clock
        self._claim = claim
        self._told = told
        self.problem = ""

    def done(self, notes: Notes) -> bool:
        """Whether Slack took the message."""
        return notes.get(self._told) is not None

    def tell(self, notes: Notes, message: Callable[[bool], Message]) -> None:
        """Send what ``message`` makes, which is handed whether it may be a repetition."""
        now = self._clock.now().isoformat()
        mine = f"{now} {secrets.token_hex(8)}"
        possible_repeat = notes.settle(self._claim, mine) != mine
        delivery = self._announcer.tell(message(possible_repeat))
        if delivery.delivered:
            notes.settle(self._told, now)
        else:
            self.problem = f"Slack failed: {delivery.problem}. To tell the team, run the same command again."
