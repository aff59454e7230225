"""Drives the state machine of ``tests/chaos/machine.py``, so many steps from a seed on.

``python -m tests.chaos.driver`` makes ``CHAOS_STEPS`` steps (5,000) in a light world, from ``CHAOS_SEED`` (1) on; with
``--real`` 300 steps with real nodes, the real monitor and real time. The seed makes the steps of a violation again.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test as drive_machine

from tests.chaos import part
from tests.chaos.ground import play, real_play
from tests.chaos.machine import Machine, Violated
from tests.chaos.play import Play
from tests.chaos.results import Row

STEPS_AN_EXAMPLE = 40
#: How many steps are made in one world, which is slower the more it has seen; and how far apart their seeds are.
STEPS_A_WORLD, SEEDS_A_WORLD = 200, 1000


def drive(world: Play, steps: int, first: int) -> Iterator[str]:
    """Make so many steps, from the seed ``first`` on; gives what was violated."""
    Machine.world, Machine.counts = world, Counter()
    number = first
    while (left := steps - Machine.counts.total()) > 0:
        given = settings(
            max_examples=-(-left // STEPS_AN_EXAMPLE),
            stateful_step_count=STEPS_AN_EXAMPLE,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            report_multiple_bugs=False,
        )
        try:
            drive_machine(seed(number)(type("Seeded", (Machine,), {})), settings=given)
        except Exception as error:
            violated = _violation(error)
            if violated is None:
                raise
            yield f"seed {number}: {violated}"
        number += 1


def _violation(error: BaseException) -> Violated | None:
    """The violation in what hypothesis raises: where it does not come again, hypothesis wraps it."""
    if isinstance(error, Violated):
        return error
    inner = (*getattr(error, "exceptions", ()), error.__cause__, error.__context__)
    return next((found for each in inner if each is not None and (found := _violation(each))), None)


def run(ground: Callable[[], AbstractContextManager[Play]], steps: int) -> list[Row]:
    """Make the steps, in a new world every now and then, and tell how many of which."""
    first, began = int(os.environ.get("CHAOS_SEED", "1")), time.monotonic()
    problems, counts = list[str](), Counter[str]()
    while (left := steps - counts.total()) > 0:
        with ground() as world:
            for problem in drive(world, min(left, STEPS_A_WORLD), first):
                part.say(problem)
                problems.append(problem)
        counts += Machine.counts
        first += SEEDS_A_WORLD
    for name, count in counts.most_common():
        part.say(f"{count:6} {name}")
    made = counts.total()
    part.say(f"{made} steps, {made / (time.monotonic() - began):.1f} a second")
    what = "steps of the state machine"
    return [Row(command="all", what=what, tried=made, right=made - len(problems), problems=problems)]


if __name__ == "__main__":
    if "--real" in sys.argv[1:]:
        part.main("machine-real", lambda: run(real_play, int(os.environ.get("CHAOS_STEPS", "300"))))
    else:
        part.main("machine", lambda: run(play, int(os.environ.get("CHAOS_STEPS", "5000"))))
