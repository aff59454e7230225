"""The loop of the small programs that keep a local chain going."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NoReturn

INTERVAL = 1.0


def each_second(step: Callable[[], object], trouble: type[Exception], fine: str) -> NoReturn:
    """Do a step each second until the program is ended; say each trouble once, and ``fine`` when there is none."""
    said = ""
    while True:
        now = fine
        try:
            step()
        except trouble as error:
            now = str(error)
        if now != said:
            print(now, file=sys.stderr, flush=True)
            said = now
        time.sleep(INTERVAL)
