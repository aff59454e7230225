"""What one sweep says of a region's production as a whole: the data that alerts are decided from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from coinquery.monitor.verdict import SERVING, Verdict

#: ``live``: the public record leads to it. ``way-back``: the live stack's way back leads to it. ``other``: new, in a
#: rollout; or older than the way back.
Role = Literal["live", "way-back", "other"]


class InstanceOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """One instance's verdict in this sweep, its reason in one sentence, and whether there was a head to judge it by."""

    instance: str
    verdict: Verdict
    reason: str
    has_head: bool = True


class StackOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """One production stack. ``expected`` is how many instances it must have; fewer may be there.

    ``unprotected`` names what of its protection is off; None is "AWS did not say".
    """

    stack: str
    coin: str
    role: Role
    expected: int
    instances: tuple[InstanceOutlook, ...] = ()
    unprotected: tuple[str, ...] | None = ()

    @property
    def serving(self) -> int:
        """How many of its instances serve in step."""
        return sum(instance.verdict in SERVING for instance in self.instances)

    @property
    def is_outage(self) -> bool:
        """Whether the name leads here and nothing serves, as far as anybody can tell.

        An instance may serve that is ``unknown`` for want of a head; and where all are ``unknown``, nobody can tell.
        """
        unknown = [instance for instance in self.instances if instance.verdict == "unknown"]
        untold = bool(unknown) and (len(unknown) == len(self.instances) or not all(each.has_head for each in unknown))
        return self.role == "live" and self.serving == 0 and not untold


class NameOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """A coin's public name as clients see it. Each problem is one sentence; no problem is an empty tuple.

    ``stack`` is the live stack; None if the record leads to none of ours. ``answers`` is whether at least one address
    answered with the live stack's commit; None is "it could not be asked from here". ``way_back`` is the stack that a
    rollback would give the name to; None if there is none.
    """

    coin: str
    name: str
    stack: str | None
    answers: bool | None
    problems: tuple[str, ...] = ()
    certificate_days: int | None = None
    way_back: str | None = None
    way_back_problems: tuple[str, ...] = ()


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``silences`` gives the end of each silenced stack's silence.

    ``died`` and ``overlaps`` are the ids of earlier sweeps that never ended, or had not ended when this one began;
    ``unreached`` counts the instances that this sweep did not get to. ``complete`` is whether AWS said which stacks
    stand and where every name leads; if not, nothing is gone for not being here. ``silent`` are other regions of
    production whose monitor was heard before, and since when it has not been.
    """

    time: datetime
    sweep: str
    region: str
    stacks: tuple[StackOutlook, ...] = ()
    names: tuple[NameOutlook, ...] = ()
    silences: dict[str, datetime] = {}
    died: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    unreached: int = 0
    complete: bool = True
    silent: dict[str, datetime] = {}

    def is_silenced(self, stack: str) -> bool:
        """Whether a stack's silence lasts; one that was handed on by an earlier sweep may be over."""
        return self.silences.get(stack, self.time) > self.time
