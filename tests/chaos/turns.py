"""Processes that take turns: each is held right before its dangerous calls, and a schedule says whose turn it is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import combinations

from coinquery.local.calls import Answer, Call
from tests.chaos.proxy import Forward, subject
from tests.chaos.shop import Ran, Running, Shop

#: Notes by which commands see each other.
NOTES = ("way-back", "moving", "switched", "giving-back", "given-back", "retiring", "retired")
#: How long a process may take to its first dangerous call, and from one to the next, in seconds. One that waits for
#: what another does takes longer, and is not waited for.
START, PATIENCE = 90.0, 10.0


def moves(call: Call) -> bool:
    """Whether a call changes a record, or keeps the way back."""
    return call.operation == "ChangeResourceRecordSets" or _notes(call, "way-back")


def dangerous(call: Call) -> bool:
    """Whether a call changes a record, takes a stack away, or writes a note by which commands see each other."""
    return call.operation in ("ChangeResourceRecordSets", "DeleteStack") or _notes(call, *NOTES)


def _notes(call: Call, *names: str) -> bool:
    if call.operation not in ("PutParameter", "DeleteParameters"):
        return False
    parts = subject(call).split("/")
    return any(part == name or part.startswith(f"{name}-") for part in parts for name in names)


@dataclass
class Gate:
    """Holds each call of one process that ``holds`` names until the process is let go on."""

    holds: Callable[[Call], bool]
    passed: int = 0
    held: str = ""
    _turns: int = 0
    _open: bool = False

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        """Hold the call, then pass it on."""
        if self.holds(call):
            self.held = f"{call.operation} {subject(call)}"
            while not (self._open or self._turns > self.passed):  # noqa: ASYNC110 - another thread gives the turns
                await asyncio.sleep(0.005)
            self.passed += 1
            self.held = ""
        return await forward(call)

    def turn(self) -> int:
        """Let one more call pass; return how many have by then."""
        self._turns = self.passed + 1
        return self._turns

    def open(self) -> None:
        """Hold nothing any more."""
        self._open = True


@dataclass
class Player:
    """One process behind its gate; ``trace`` lists the calls that it was held before."""

    gate: Gate
    running: Running
    trace: list[str] = field(default_factory=list)

    def settle(self, passed: int = 0) -> None:
        """Wait until the process has made so many dangerous calls and is held before the next, has ended, or waits."""
        until = time.monotonic() + (PATIENCE if passed else START)
        while time.monotonic() < until and not self.running.ended:
            if self.gate.passed >= passed and self.gate.held:
                self.trace.append(self.gate.held)
                return
            time.sleep(0.005)

    def take_turn(self) -> None:
        """Make the dangerous call, and go on to the next."""
        if not self.running.ended:
            self.settle(self.gate.turn())


def play(
    shop: Shop, schedule: str, commands: Mapping[str, Sequence[str]], holds: Callable[[Call], bool]
) -> dict[str, Ran]:
    """Run the commands at once, by turns: each letter of the schedule is one dangerous call of that process.

    When the schedule is over, all run on freely.
    """
    with ExitStack() as stack:
        players = {}
        for letter, command in commands.items():
            gate = Gate(holds)
            players[letter] = Player(gate, shop.start(stack.enter_context(shop.proxy(gate)), *command))
        for player in players.values():
            player.settle()
        for letter in schedule:
            players[letter].take_turn()
        for player in players.values():
            player.gate.open()
        return {letter: player.running.end() for letter, player in players.items()}


def schedules(a: int, b: int, most: int, seed: int = 0) -> list[str]:
    """Every order of ``a`` turns of A and ``b`` turns of B; so many of them, by seed, where there are more."""
    every = list(orders(a, b))
    return every if len(every) <= most else random.Random(seed).sample(every, most)


def orders(a: int, b: int) -> Iterator[str]:
    """Every order of so many turns of each."""
    for places in map(set, combinations(range(a + b), a)):
        yield "".join("A" if place in places else "B" for place in range(a + b))


def alone(shop: Shop, *command: str, holds: Callable[[Call], bool], turns: int) -> Ran:
    """Run one command, make so many of its dangerous calls, and kill it before the next."""
    with shop.proxy() as proxy:
        gate = Gate(holds)
        proxy.interventions.append(gate)
        player = Player(gate, shop.start(proxy, *command))
        player.settle()
        for _ in range(turns):
            player.take_turn()
        player.running.kill()
        return player.running.end()
