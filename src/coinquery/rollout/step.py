"""What a step is: it observes whether its result holds, and does the least to make it hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coinquery.durations import Duration


class Outcome(Enum):
    """What an observation concludes."""

    HOLDS = "holds"
    WAITING = "waiting"
    MISSING = "missing"


@dataclass(frozen=True)
class Observation:
    """What a step saw: whether its result holds, comes by waiting, or needs an act; in words for people.

    ``warning`` says what went wrong without spoiling the result.
    """

    outcome: Outcome
    detail: str
    warning: str = ""


def holds(detail: str, warning: str = "") -> Observation:
    """The result holds."""
    return Observation(Outcome.HOLDS, detail, warning)


def waiting(detail: str) -> Observation:
    """The result comes by itself; ``detail`` says what is waited for."""
    return Observation(Outcome.WAITING, detail)


def missing(detail: str) -> Observation:
    """The result needs an act."""
    return Observation(Outcome.MISSING, detail)


class Step(Protocol):
    """One step of the process document. ``limit`` is how long it may take at most."""

    title: str
    limit: Duration

    def intent(self) -> str:
        """What the step would do, for the plan."""
        ...

    def observe(self) -> Observation:
        """Ask AWS whether the result holds. Changes nothing; raises what can't be mended by waiting."""
        ...

    def act(self) -> None:
        """Do the least to make it hold. Safe to repeat, and safe beside another process that does the same."""
        ...
