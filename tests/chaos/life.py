"""What is led command by command under faults: each command is run until it comes to its right end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from tests.chaos.proxy import Intervention
from tests.chaos.right import ended_properly
from tests.chaos.shop import Ran, Shop

#: How often a command is run until it must have come through.
TRIES = 12
IMPATIENT = {"CHAOS_IMPATIENT": "1"}

Standing = TypeVar("Standing")


@dataclass
class Life(ABC, Generic[Standing]):
    """Commands that follow on each other; ``Standing`` is what stands in the account, to be compared."""

    shop: Shop
    problems: list[str] = field(default_factory=list)
    #: Commands that change what stands: the others find it as it was.
    changes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each command's words, by its name."""

    @abstractmethod
    def standing(self) -> Standing:
        """What stands now."""

    @abstractmethod
    def check(self, right: Standing) -> None:
        """What stands now must be right."""

    @abstractmethod
    def close(self) -> None:
        """Take away what stands."""

    def codes(self, _: Sequence[str]) -> tuple[int, ...]:
        """The exit codes with which these words may end."""
        return (0, 1, 4)

    def is_at_its_end(self, _: Sequence[str], ran: Ran) -> bool:
        """Whether nothing is left to be done for these words."""
        return ran.is_at_its_end

    def run(self, words: Sequence[str], *faults: Intervention, environment: Mapping[str, str] = IMPATIENT) -> Ran:
        """Run a command once; how it ends must be proper."""
        ran = self.shop.run(*words, interventions=faults, environment=environment)
        if ran.is_at_its_end:
            ran.code = 0
        self.problems += [f"{words[0]}: {problem}" for problem in ended_properly(ran, self.codes(words))]
        if ran.code == 3:
            time.sleep(1)
        return ran

    def lead(self, words: Sequence[str], *faults: Intervention) -> Ran:
        """Run a command until it comes to its end."""
        for _ in range(TRIES):
            ran = self.run(words, *faults)
            if self.is_at_its_end(words, ran):
                return ran
        self.problems.append(f"{words[0]} did not come through: {ran.said[-600:]}")
        return ran

    def heal(self, words: Sequence[str], right: Standing, *harmless: Intervention) -> None:
        """Run it with nothing that may stop it; then what stands must be right."""
        for _ in range(TRIES):
            if (ran := self.run(words, *harmless)).code not in (3, 4):
                break
        if not self.is_at_its_end(words, ran):
            self.problems.append(f"{words[0]}: unharmed: exit code {ran.code}: {ran.said[-600:]}")
        self.check(right)

    def come_to(self, command: str) -> tuple[str, ...]:
        """Lead all that changes something before a command; return that command's words."""
        for title, words in self.commands():
            if title == command:
                return words
            if title in self.changes:
                self.lead(words)
        raise LookupError(command)
