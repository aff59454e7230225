"""What must hold, judged from outside: at each call before AWS gets it, after each command, and of the world between.

The model knows what the machine did (whose name was typed, whose protection somebody took, when a name left a stack,
when requests came) and reads the rest from AWS. What it finds is told as text that begins with the invariant's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.chaos.eyes import LEDGER, ROLLOUTS, Eyes, Seen, StackSeen, batch, is_retiring, moment
from tests.chaos.terms import IN_A_ROW

if TYPE_CHECKING:
    from tests.chaos.play import Play
    from tests.chaos.wire import Sent

STACK_NAME = re.compile(r"cq-[a-z0-9]+-(?!0000)[0-9]{4}-(prod|stage|dev|test)", re.ASCII)
#: For how long the local name server's answers live, in seconds.
TTL = 2
#: Notes that are locks: they come and go.
LOCK = re.compile(r"/(moving|retiring)/[0-9a-f]{8}$")


@dataclass
class Model:
    """One coin's past. ``typed`` and ``glass`` are what the retirement under way was given."""

    play: Play
    eyes: Eyes
    commits: dict[str, str]
    seen: Seen = field(default_factory=lambda: Seen({}, {}, {}))
    problems: list[str] = field(default_factory=list)
    first: dict[str, StackSeen] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    once_led: set[str] = field(default_factory=set)
    left: dict[str, datetime] = field(default_factory=dict)
    requests: dict[str, datetime] = field(default_factory=dict)
    metrics: dict[str, datetime] = field(default_factory=dict)
    by_hand: dict[tuple[str, str], str | None] = field(default_factory=dict)
    may_go: set[str] = field(default_factory=set)
    split: bool = False
    typed: str | None = None
    glass: bool = False
    references_down: datetime | None = None

    @property
    def now(self) -> datetime:
        """The time by the shared clock."""
        return self.play.clock.now()

    # At each call of a command, before AWS gets it.

    def on_call(self, sent: Sent) -> None:
        """Judge a call that is about to be sent."""
        if self.play.secret.rpartition("/")[2].encode() in sent.body:
            self.found(f"I14: the webhook's secret is in a call of {sent}")
        judge = _JUDGES.get((sent.service, sent.operation))
        if judge is not None:
            judge(self, sent)

    def _on_create(self, sent: Sent) -> None:
        given = sent.call.parameters
        name = given["StackName"]
        if not STACK_NAME.fullmatch(name):
            self.found(f"I1: CreateStack of {name!r}")
        entry = self.eyes.below(LEDGER).get(_parameter(name))
        if entry is None or json.loads(entry)["rollout"] != _tag(given, "rollout"):
            self.found(f"I2: {name} is created by {_tag(given, 'rollout')}, the ledger has {entry}")
        is_protected = given.get("EnableTerminationProtection") == "true" and "StackPolicyBody" in given
        if name.endswith("-prod") and not is_protected:
            self.found(f"I5: {name} is created without protection")
        if name.endswith("-prod") and _tag(given, "commit") not in self.commits.values():
            self.found(f"I3: {name} is created of commit {_tag(given, 'commit')}, which is no release's")

    def _on_update(self, sent: Sent) -> None:
        self.found(f"I4: {sent} of {sent.call.parameters.get('StackName')}")

    def _on_parameter(self, sent: Sent) -> None:
        given = sent.call.parameters
        name, overwrite = given["Name"], given.get("Overwrite", False)
        if overwrite and name.startswith((LEDGER, ROLLOUTS)):
            self.found(f"I2: {name} is written over")
        if name.startswith(ROLLOUTS) and name.endswith("/retired"):
            self._on_leave(name.removeprefix(ROLLOUTS + "/").removesuffix("/retired"))

    def _on_remove(self, sent: Sent) -> None:
        given = sent.call.parameters
        for name in given.get("Names", [given.get("Name")]):
            if name.startswith(LEDGER) or (name.startswith(ROLLOUTS) and not LOCK.search(name)):
                self.found(f"I2: {name} is deleted")

    def _on_records(self, sent: Sent) -> None:
        """I7, I9, I10: a move to a stack is compare-and-swap, of a stack that is proven, with a way back stored."""
        asked = batch(sent)
        key = next((k for k, name in self.eyes.names.items() if asked.actions and asked.actions[0][1] == name), None)
        if key is None or self.eyes.zones[key] != asked.zone:
            self.found(f"I9: a change of {asked.actions} in zone {asked.zone}")
            return
        standing, target = self.eyes.record(key), {action: to for action, _, to in asked.actions}.get("CREATE")
        if any(action not in ("CREATE", "DELETE") for action, _, _ in asked.actions):
            self.found(f"I9: {key} is changed by {asked.actions}, which asks nobody")
        if standing != target and not asked.comment.startswith("put back"):
            self._judge_move(key, standing, target)

    def _judge_move(self, key: tuple[str, str], standing: str | None, target: str | None) -> None:
        stacks = self.eyes.look().stacks
        to = next((s for s in stacks.values() if target in s.hosts.values()), None)
        of = next((s for s in stacks.values() if standing is not None and standing in s.hosts.values()), None)
        if to is None:
            self.found(f"I8: {key} is moved to {target}, which is no standing stack's")
            return
        if self._why_unproven(to):
            self.found(f"I7: {key} is moved to {to.name}: {self._why_unproven(to)}")
        notes = self.eyes.notes(to.tags["rollout"])
        is_back = of is not None and "giving-back" in self.eyes.notes(of.tags.get("rollout", "-"))
        if not is_back and not any(note.startswith("way-back") for note in notes):
            self.found(f"I10: {key} is moved to {to.name} and no way back is stored")
        if "retired" in notes or is_retiring(notes):
            self.found(f"I6: {key} is moved to {to.name}, which is being retired")
        is_protected = to.termination and to.policy and all(to.balancers.values())
        if key == ("prod", "public") and not is_protected and to.name not in self.bare:
            self.found(f"I5: {key} is moved to {to.name}, which is not protected")
        self.once_led.add(to.name)
        if of is not None:
            self.left[of.name] = self.now

    def _on_leave(self, rollout: str) -> None:
        """I6: the point of no return of a retirement."""
        stack = next((s for s in self.eyes.look().stacks.values() if s.tags.get("rollout") == rollout), None)
        if stack is None or stack.name in self.may_go:
            return
        why = "; ".join(self._forbids(stack))
        if why:
            self.found(f"I6: {stack.name} is retired: {why}")
        self.may_go.add(stack.name)

    def _on_lift(self, sent: Sent) -> None:
        """I5, I6: protection goes only where the ladder was climbed, and nothing that is live goes."""
        given = sent.call.parameters
        arn, name = given.get("LoadBalancerArn", ""), given.get("StackName", "")
        if "true" in (given.get("EnableTerminationProtection"), *sent.call.members("Attributes")):
            return
        if any(key.endswith(".Value") and value == "true" for key, value in given.items()):
            return
        seen = self.eyes.look()
        stack = next((s for s in seen.stacks.values() if s.name == name or arn in s.balancers), None)
        if stack is None:
            return
        if stack.is_production and stack.name not in self.may_go:
            self.found(f"I5: {sent} of {stack.name}, of which nobody decided that it may go")
        led = [key for key in seen.records if seen.led_to(*key) == stack]
        if led and not self.by_hand.keys() & set(led):
            self.found(f"I6: {sent} of {stack.name}, to which {led} leads")

    def _on_policy(self, sent: Sent) -> None:
        if "Deny" not in sent.call.parameters.get("StackPolicyBody", ""):
            self.found(f"I5: {sent} allows updates of {sent.call.parameters.get('StackName')}")

    def _forbids(self, stack: StackSeen) -> Iterator[str]:
        """What of the ladder forbids that a stack goes now."""
        seen = self.eyes.look()
        if any(seen.led_to(*key) == stack for key in seen.records):
            yield "a name leads to it"
        if stack.is_production and self.typed != stack.name:
            yield f"the typed name was {self.typed}"
        if stack.name not in self.once_led:
            return
        if stack.is_production:
            yield from self._forbids_alone(seen)
        if self.glass:
            return
        if stack.name in self.left and self.now < self.left[stack.name] + timedelta(seconds=TTL):
            yield "the old answer's time is not over"
        if self.now - self.requests.get(stack.name, datetime.min.replace(tzinfo=self.now.tzinfo)) < timedelta(
            seconds=self.play.terms.quiet
        ):
            yield "it had requests"
        if stack.is_production:
            yield from self._forbids_way_back(stack, seen)

    def _forbids_alone(self, seen: Seen) -> Iterator[str]:
        """No reason is good enough to retire it without a healthy successor."""
        live = seen.led_to()
        if live is None:
            yield "no stack is live"
        elif self._why_unproven(live):
            yield f"its successor {live.name} is not proven: {self._why_unproven(live)}"

    def _forbids_way_back(self, stack: StackSeen, seen: Seen) -> Iterator[str]:
        live = seen.led_to()
        if live is None:
            return
        notes = self.eyes.notes(live.tags.get("rollout", "-"))
        backs = sorted((n for n in notes if re.fullmatch("way-back(-[0-9]+)?", n)), key=lambda n: (len(n), n))
        if backs and json.loads(notes[backs[-1]])["stack"] == stack.name:
            switched = notes.get("switched")
            if switched is None or self.now < _since(switched) + timedelta(seconds=self.play.terms.way_back):
                yield f"{live.name} goes back to it"

    def _why_unproven(self, stack: StackSeen) -> str:
        """Why the monitor's records do not prove every instance of a production stack; ``""`` if they do."""
        if not stack.is_production:
            return ""
        running = self.eyes.instances(stack.name)
        wanted = self.play.terms.instances
        if len(running) != wanted:
            return f"{len(running)} of {wanted} instances run"
        records = self.eyes.monitor_records(stack.name)
        for who, instance in running.items():
            own = [r for r in records if r["instance"] == who and moment(r["time"]) > instance["LaunchTime"]]
            newest = own[-IN_A_ROW:]
            bad = [r["verdict"] for r in newest if (r["verdict"], r["commit"]) != ("healthy", stack.tags["commit"])]
            if len(newest) < IN_A_ROW or bad:
                return f"{who} has {len(newest)} records, of them {bad} not healthy"
            if self.now - moment(newest[-1]["time"]) > self.play.terms.old:
                return f"{who} has its newest record of {newest[-1]['time']}"
        return ""

    # The world between commands.

    def look(self) -> Seen:
        """Look at the world and judge it."""
        before, self.seen = self.seen, self.eyes.look()
        self._judge_ledger(before)
        for stack in self.seen.stacks.values():
            self._judge_stack(stack)
        for name in before.stacks.keys() - self.seen.stacks.keys():
            if name not in self.may_go and name not in self.foreign and name.endswith("-prod"):
                self.found(f"I6: {name} is gone, and nobody decided that it may go")
        self._judge_records()
        for stream in self.eyes.monitor_streams():
            if stream.startswith("cq-") and not stream.endswith("-prod"):
                self.found(f"I15: the monitor wrote of {stream}")
        return self.seen

    def _judge_ledger(self, before: Seen) -> None:
        for name, value in before.ledger.items():
            if self.seen.ledger.get(name) != value:
                self.found(f"I2: the ledger's {name} is {self.seen.ledger.get(name)}, it was {value}")
        rollouts = [json.loads(value)["rollout"] for value in self.seen.ledger.values()]
        for twice in {rollout for rollout in rollouts if rollouts.count(rollout) > 1}:
            self.found(f"I2: {twice} has more than one number")

    def _judge_stack(self, stack: StackSeen) -> None:
        first = self.first.setdefault(stack.name, stack)
        if first.arn != stack.arn:
            self.found(f"I2: {stack.name} was {first.arn} and is {stack.arn}: its number was given out twice")
        if stack.name in self.foreign:
            return
        if (stack.updated, stack.tags, stack.parameters) != (first.updated, first.tags, first.parameters):
            self.found(f"I4: {stack.name} was {first.tags, first.parameters} and is {stack.tags, stack.parameters}")
        if not stack.is_production or stack.name in self.may_go or stack.name in self.bare:
            return
        if not (stack.termination and stack.policy):
            self.found(f"I5: {stack.name}: termination protection {stack.termination}, policy {stack.policy}")
        if stack.name in self.once_led and not all(stack.balancers.values()):
            self.found(f"I5: {stack.name} was live, and its load balancers are not protected")

    def _judge_records(self) -> None:
        for key, host in self.seen.records.items():
            stack = self.seen.led_to(*key)
            if host is not None and key not in self.by_hand and (stack is None or not stack.stands):
                self.found(f"I8: {key} leads to {host}, where no stack stands")
        public, private = self.seen.led_to("prod", "public"), self.seen.led_to("prod", "private")
        if public != private and not self.split and not self.by_hand:
            self.found(f"I9: public leads to {_name(public)}, private to {_name(private)}")

    def found(self, problem: str) -> None:
        """Tell what does not hold."""
        if problem not in self.problems:
            self.problems.append(problem)


def _since(mark: str) -> datetime:
    return moment(json.loads(mark)["time"])


def _name(stack: StackSeen | None) -> str:
    return "nothing" if stack is None else stack.name


def _parameter(name: str) -> str:
    _, coin, number, level = name.split("-")
    return f"{LEDGER}/{coin}/{level}/{number}"


def _tag(given: dict[str, Any], key: str) -> str:
    found = next((k for k, v in given.items() if k.endswith(".Key") and v == f"coinquery:{key}"), "")
    return str(given.get(found.removesuffix("Key") + "Value", ""))


_JUDGES: dict[tuple[str, str], Callable[[Model, Sent], None]] = {
    ("cloudformation", "CreateStack"): Model._on_create,
    ("cloudformation", "UpdateStack"): Model._on_update,
    ("cloudformation", "CreateChangeSet"): Model._on_update,
    ("cloudformation", "ExecuteChangeSet"): Model._on_update,
    ("cloudformation", "SetStackPolicy"): Model._on_policy,
    ("cloudformation", "DeleteStack"): Model._on_lift,
    ("cloudformation", "UpdateTerminationProtection"): Model._on_lift,
    ("elastic-load-balancing-v2", "ModifyLoadBalancerAttributes"): Model._on_lift,
    ("route-53", "ChangeResourceRecordSets"): Model._on_records,
    ("ssm", "PutParameter"): Model._on_parameter,
    ("ssm", "DeleteParameter"): Model._on_remove,
    ("ssm", "DeleteParameters"): Model._on_remove,
}
