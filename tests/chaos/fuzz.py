"""Every command with hostile arguments, configurations, values in AWS and replies: fuzz tests, many times more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.part import main, say
from tests.chaos.results import PROJECT, Row

TESTS = {
    "tests/test_fuzz_arguments.py": "hostile arguments and configurations",
    "tests/test_fuzz_stored.py": "hostile values in AWS",
    "tests/test_fuzz_replies.py": "hostile replies of instances and references",
}
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S+::(.*)$", re.MULTILINE)


def run() -> Sequence[Row]:
    """Run each file of fuzz tests; a row for each says how many commands were run in it."""
    return [_row(file, kind) for file, kind in TESTS.items()]


def _row(file: str, kind: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "commands"
        environment = {**os.environ, "HYPOTHESIS_PROFILE": "chaos", "CHAOS_COMMANDS": str(counts)}
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", file]
        ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        ran = Counter(counts.read_text("utf-8").split()) if counts.exists() else Counter()
    failed = _FAILED.findall(ended.stdout)
    if ended.returncode:
        say(ended.stdout[-6000:])
        failed = failed or [f"pytest ended with {ended.returncode}"]
    tried = ran.total()
    commands = ", ".join(f"{name} {number}" for name, number in sorted(ran.items()))
    return Row(command=commands, what=kind, tried=tried, right=max(0, tried - len(failed)), problems=failed)


if __name__ == "__main__":
    main("fuzz", run)
