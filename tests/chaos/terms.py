"""The lengths of time, and numbers, that a play of the state machine is by: simulated ones, and real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

#: Healthy records in a row that prove an instance.
IN_A_ROW = 2


@dataclass(frozen=True)
class Terms:
    """``instances`` a stack has, for how long a command stays (``stay``; ``stay_ill`` where something does not work),
    and the waits of cq.toml."""

    instances: int
    stay: str
    stay_ill: str
    quiet: int
    way_back: int
    record_age: int
    limit: int

    def toml(self) -> str:
        """The table of waits, in seconds."""
        named = {
            "quiet": self.quiet,
            "way_back": self.way_back,
            "record_age": self.record_age,
            "poll": 1,
            "ask": 1,
            "settle": 1,
        }
        limits = dict.fromkeys(("create", "nodes", "monitor", "dns_sync", "verify", "delete", "moving"), self.limit)
        return "\n[waits]\n" + "".join(f'{key} = "{value}s"\n' for key, value in (named | limits).items())

    @property
    def old(self) -> timedelta:
        """From when on a record of the monitor proves nothing, and the length of a look at it."""
        return timedelta(seconds=self.record_age + 5)


#: The clock jumps over all of it.
LIGHT = Terms(instances=2, stay="20s", stay_ill="20s", quiet=60, way_back=600, record_age=180, limit=60)
#: A minute of the machine's is a second here.
REAL = Terms(instances=1, stay="60s", stay_ill="15s", quiet=2, way_back=8, record_age=90, limit=60)
