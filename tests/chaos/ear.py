"""What the monitor says and does, held against what the machine did to nodes, references and instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.monitor.verdict import SERVING

if TYPE_CHECKING:
    from coinquery.monitor.records import Record
    from tests.chaos.eyes import StackSeen
    from tests.chaos.model import Model

#: For how long witnesses' words live, in seconds.
MEMORY = 15
#: All that the monitor may ask AWS to do.
WRITES = {"PutLogEvents", "CreateLogStream"}


@dataclass
class Ear:
    """Tells the model what of the monitor does not hold."""

    model: Model

    def judge_live(self) -> None:
        """Where nothing is harmed, all instances of what is live run, and the monitor calls them well."""
        live = self.model.eyes.look().led_to()
        if live is None or live.name in self.model.foreign:
            return
        newest = {record["instance"]: record["verdict"] for record in self.model.eyes.monitor_records(live.name)}
        verdicts = {who: newest.get(who) for who in self.model.eyes.instances(live.name)}
        if len(verdicts) != self.model.play.terms.instances or not set(verdicts.values()) <= set(SERVING):
            self.model.found(f"I7: {live.name} is live, nothing is wrong, and its instances are {verdicts}")

    def judge_what_serves(self, live: StackSeen | None) -> None:
        """Where nothing is harmed, whatever step it was: all instances of what is live run."""
        if live is None or live.name in self.model.foreign:
            return
        running = len(self.model.eyes.instances(live.name))
        if running != self.model.play.terms.instances:
            self.model.found(f"I7: {live.name} is live, nothing is wrong, and {running} instances of it run")

    def hear(self, records: list[Record]) -> None:
        """I13, I15: nothing is called healthy that is not, and nothing is looked at but production."""
        stage = self.model.play.stage
        for record in records:
            if not record.stack.endswith("-prod"):
                self.model.found(f"I15: the monitor looked at {record.stack}")
            if record.verdict != "healthy":
                continue
            since = self.model.references_down
            if since is not None and (record.time - since).total_seconds() > MEMORY:
                self.model.found(f"I13: {record.instance} is called healthy, and no reference answers")
            if record.address in stage.mute or stage.chain.behind.get(record.address, 0) > 60:
                self.model.found(f"I13: {record.instance} is called healthy, and is mute or behind")
            if stage.commits.get(record.stack, record.commit) != record.expected_commit:
                self.model.found(f"I3: {record.instance} is called healthy with commit {record.commit}")
            if record.height is None or record.head is None:
                self.model.found(f"I13: {record.instance} is called healthy at an unknown height")

    def watch(self, calls: list[str]) -> None:
        """I15: it changes nothing."""
        for call in calls:
            operation = call.partition(":")[2]
            if not operation.startswith(("Describe", "Get", "List", "Filter")) and operation not in WRITES:
                self.model.found(f"I15: the monitor made {call}")
