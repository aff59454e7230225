"""Planted bugs: a copy of the source in which one is put must be caught by the state machine's own eyes.

``python -m tests.chaos.mutants [NAME...]``. Caught means: the scene ends with a violation that names the invariant; an
error of any other kind is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.chaos import part
from tests.chaos.ground import ground
from tests.chaos.results import PROJECT, Row
from tests.teams import Team

SOURCE = PROJECT / "src" / "coinquery"
SECONDS = 400
#: What a scene says that saw nothing wrong.
NOTHING = "NOTHING VIOLATED"


@dataclass(frozen=True)
class Mutant:
    """``old`` becomes ``new`` in ``file``; the scene must then violate the invariant.

    ``also`` are more of such pairs, where one thing is kept in two places.
    """

    invariant: str
    what: str
    scene: str
    file: str
    old: str
    new: str
    also: tuple[tuple[str, str], ...] = ()


MUTANTS = (
    Mutant("I1", "a number of any length is a stack number", "life", "naming.py", "([0-9]{4})", "([0-9]+)"),
    Mutant("I1", "white space after a name is ignored", "life", "naming.py",
           "fullmatch(text)", "fullmatch(text.strip())"),
    Mutant("I2", "what is created once is written over", "life", "stacks/parameter_store.py",
           'Tier=TIER, Overwrite=False', 'Tier=TIER, Overwrite=True'),
    Mutant("I2", "the ledger never says no", "raced", "stacks/ledger.py",
           "return standing.rollout == entry.rollout", "return True"),
    Mutant("I3", "any commit will do", "blind", "monitor/verdict.py", "e.seen.commit == e.expected_commit:", "True:"),
    Mutant("I4", "a stack that stands there already is updated", "others", "rollout/steps/create.py",
           "        if stack.rollout != self._rollout.notes.id:\n",
           "        if stack.rollout != self._rollout.notes.id:\n"
           "            self._cloudformation.update_stack(StackName=str(name), UsePreviousTemplate=True)\n"),
    Mutant("I5", "production is created without termination protection", "life", "stacks/create.py",
           'request["EnableTerminationProtection"] = True', "pass"),
    Mutant("I5", "the load balancers' protection is not looked at", "life", "rollout/steps/confirm_protection.py",
           "return missing(\"missing: \" + \", \".join(gaps)) if gaps else holds(self.intent())",
           "return holds(self.intent())"),
    Mutant("I6", "the live stack may go", "ladder", "retirement/ladder.py", "holds=not led,", "holds=True,"),
    Mutant("I6", "any typed name will do", "ladder", "retirement/ladder.py",
           "holds = needless or self._typed == name", "holds = True"),
    Mutant("I6", "requests do not count", "ladder", "retirement/ladder.py",
           "quiet = seen.known and seen.requests == 0", "quiet = seen.known"),
    Mutant("I6", "the way back is needed by nobody", "ladder", "retirement/ladder.py",
           "if self._successor_notes is None:\n            return _unneeded",
           "if True:\n            return _unneeded"),
    Mutant("I6", "a move looks for no retirement", "met", "rollout/moving.py",
           "    if looking is not None:\n", "    if False:\n"),
    Mutant("I7", "no proof at the moment of the move", "others", "rollout/steps/switch.py",
           "        self._refuse_ended()\n        require(self._proof)\n        with",
           "        self._refuse_ended()\n        with",
           also=(("                self._refuse_ended()\n                require(self._proof)\n",
                  "                self._refuse_ended()\n"),)),
    Mutant("I8", "the records are moved to nowhere", "life", "dns/names.py",
           'target=stack.output(f"{balancer}DnsName"),', 'target="x" + stack.output(f"{balancer}DnsName"),'),
    Mutant("I9", "records are changed, whoever moved them first", "life", "dns/zone.py",
           '"Action": "CREATE"', '"Action": "UPSERT"'),
    Mutant("I9", "what is half switched is left so", "others", "dns/names.py",
           'if self.private is not None and "private" in changes and not same(_read(self.public), new.public):',
           "if False:"),
    Mutant("I10", "the way back is not stored", "life", "rollout/way_back.py",
           "return decode(notes.settle(kept_as, msgspec.json.encode(back).decode()), notes.path(kept_as))",
           "return back"),
    Mutant("I11", "a possible repeat is not marked", "killed", "rollout/telling.py",
           "message(possible_repeat))", "message(False))"),
    Mutant("I12", "a run that is not finished ends well", "blind", "rollout/deploy.py",
           "        if not new or known is None:\n            raise\n",
           "        if isinstance(known, CoinQueryError):\n            return\n"),
    Mutant("I13", "without a head an instance is in step", "blind", "monitor/verdict.py",
           "    _no_head,\n    _ahead,\n", ""),
    Mutant("I14", "the webhook is shown", "life", "notify/announcer.py",
           "        return post(webhook,", "        print(webhook)\n        return post(webhook,"),
    Mutant("I15", "the monitor looks at every level", "life", "monitor/instances.py",
           "not stack.is_production or ", "", also=(('"cq-*-prod*"', '"cq-*"'),)),
)  # fmt: skip


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the source, with the bug; raises LookupError where the text is not there once."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "coinquery"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            text = (copy / mutant.file).read_text("utf-8")
            for old, new in ((mutant.old, mutant.new), *mutant.also):
                if text.count(old) != 1 or old == new:
                    raise LookupError(f"{mutant.what}: {mutant.file} has {old!r} {text.count(old)} times")
                text = text.replace(old, new)
            (copy / mutant.file).write_text(text, "utf-8")
        yield Path(folder)


def played(team: Team, first: int, scene: str, mutant: Mutant | None = None) -> str:
    """What a scene says of a copy of the source with that bug, or without; its coins are numbered from ``first``."""
    with planted(mutant) as source:
        path = f"{source}{os.pathsep}{PROJECT}"
        environment = {**team.world.environment, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
        state = team.world.state
        words = ("tests.chaos.scenes", str(source), str(state.root.parent), str(state.block), str(first), scene)
        try:
            ran = subprocess.run(
                [sys.executable, "-m", *words],
                cwd=PROJECT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not over after {SECONDS} s"
    return ran.stdout if ran.returncode in (0, 9) else f"ended with {ran.returncode}: {ran.stderr[-2000:]}"


def is_caught(mutant: Mutant, said: str) -> bool:
    """Whether the violation names the invariant."""
    found = said.partition("VIOLATED ")[2].partition("\nafter:")[0]
    return any(line.startswith(f"{mutant.invariant}:") for line in found.splitlines())


def run(names: Iterable[str] = ()) -> list[Row]:
    """Every mutant of the invariants named, or all, after the scenes that they need without any bug."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.invariant in names]
    coins = count(0, 20)
    with ground() as team:
        scenes = sorted({mutant.scene for mutant in chosen})
        sound = [scene for scene in scenes if NOTHING in played(team, next(coins), scene)]
        part.say(f"without a planted bug nothing is violated in: {', '.join(sound)}; of {', '.join(scenes)}")
        rows = [_row("without a planted bug nothing is violated", len(scenes), len(sound))]
        for mutant in chosen:
            said = played(team, next(coins), mutant.scene, mutant)
            caught = is_caught(mutant, said)
            part.say(f"{mutant.invariant} {mutant.what}: {'caught' if caught else 'NOT caught: ' + said[-1500:]}")
            rows.append(
                _row(f"{mutant.invariant}, planted: {mutant.what}", 1, int(caught), "" if caught else said[-800:])
            )
    return rows


def _row(what: str, tried: int, right: int, problem: str = "") -> Row:
    return Row(command="all", what=what, tried=tried, right=right, problems=[problem] if problem else [])


if __name__ == "__main__":
    part.main("mutants", lambda: run(sys.argv[1:]))
