"""A rung of the ladder: one check, what it saw, and what would satisfy it (I6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from coinquery.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One check of a stack that is to be retired.

    ``waits`` is whether it asks for time to have passed: such a rung can be skipped by breaking the glass, and no
    other. Where nobody noted since when, no waiting satisfies it, and the glass is a way on.
    ``needs`` says what would satisfy it, ``""`` where it holds. ``refusal`` is the error that refuses.
    """

    title: str
    holds: bool
    saw: str
    needs: str
    waits: bool = False
    skipped: bool = False
    refusal: type[Refused] = field(default=Refused, repr=False)

    @property
    def lets_pass(self) -> bool:
        """Whether the stack may go as far as this rung is concerned."""
        return self.holds or self.skipped

    def told(self) -> str:
        """The rung and what it saw, for people."""
        return f"{self.title}: {self.saw}"
