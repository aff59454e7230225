"""How a command ended, judged: what it claims is so, what it says helps, and nothing was shown that must not be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.eyes import ROLLOUTS, is_retiring
from tests.chaos.model import STACK_NAME
from tests.teams import REGION

if TYPE_CHECKING:
    from tests.chaos.eyes import StackSeen
    from tests.chaos.model import Model
    from tests.chaos.play import Ended, Play

CLAIM = re.compile(r"(cq-\S+) is live|leads to (cq-\S+) again|(cq-\S+) is gone")
CHANGES = ("deploy", "rollback", "retire")


@dataclass(frozen=True)
class Ends:
    """Judges the ends of commands; what is wrong goes to the model's problems."""

    play: Play
    model: Model

    def judge(self, ended: Ended) -> None:
        """I12, I14: the exit code is one of ours, an error says what it is, and no secret is shown."""
        said = ended.out + ended.said
        if "Traceback" in said or "defect of cq" in said:
            self._found(f"I12: {ended.words}: {said[-3000:]}")
        if self.play.secret.rpartition("/")[2] in said:
            self._found(f"I14: {ended.words} shows the webhook's secret")
        if ended.code in (None, 0):
            return
        is_told = "cq: " in ended.said or (ended.code == 2 and "Error: " in ended.said)
        if ended.code not in (1, 2, 3, 4) or not is_told or (ended.code == 2 and not self._is_wrong_use(ended)):
            self._found(f"I12: {ended.words} ends with {ended.code} and says {said[-300:]!r}")

    def judge_claim(self, ended: Ended) -> None:
        """I11, I12: what a command that ended well claims is so."""
        claim = CLAIM.search(ended.out)
        if ended.words[0] not in CHANGES or claim is None:
            return
        seen, name, level = self.model.eyes.look(), claim[1] or claim[2], "stage" if "stage" in ended.words else "prod"
        if claim[3] is not None:
            if claim[3] in seen.stacks:
                self._found(f"I12: {claim[3]} is said to be gone and stands")
            return
        for key in (key for key in seen.records if key[0] == level):
            led = seen.led_to(*key)
            if led is None or led.name != name:
                self._found(f"I12: {name} is said to be live, {key} leads to {led and led.name}")
        if level == "prod" and name in seen.stacks:
            self.model.by_hand.clear()
            self.model.split = False
            self._judge_live(seen.stacks[name], is_deploy=ended.words[0] == "deploy")

    def judge_put_back(self, private: str | None, then: str | None) -> None:
        """I9: where the public record was taken by somebody else, the private one is as before.

        ``then`` is where it led when that happened, if both had been moved by then.
        """
        now = self.model.eyes.record(("prod", "private"))
        if now not in (private, then) and ("prod", "public") in self.model.by_hand:
            self._found(f"I9: the public record was taken, the private one moved from {private} to {now}")

    def may_deploy(self, coin: str, release: str, new: bool) -> bool:
        """Whether nothing stands against a deploy to production, as far as can be told from the notes."""
        model, path = self.model, f"{ROLLOUTS}/{coin}/prod/{REGION}/{release}"
        if model.foreign or model.by_hand or model.split:
            return False
        notes = model.eyes.below(path)
        attempts = [int(name.removeprefix(path + "/").split("/")[0]) for name in notes]
        if new or not attempts:
            return True
        rollout = f"{coin}/prod/{REGION}/{release}/{max(attempts)}"
        own = model.eyes.notes(rollout)
        if "retired" in own:
            return not own.keys() & {"giving-back", "switched", "live"}
        stack = next((s for s in model.seen.stacks.values() if s.tags.get("rollout") == rollout), None)
        if "giving-back" in own or is_retiring(own) or ("created" in own and stack is None):
            return False
        return "switched" not in own or model.seen.led_to() == stack

    def _is_wrong_use(self, ended: Ended) -> bool:
        """Whether the words, or the account, are as wrong as a command says that ends with 2."""
        said, names = ended.said, [word for word in ended.words if STACK_NAME.fullmatch(word)]
        if "is not a stack name" in said:
            return not names
        if "cq: stack number 0 is outside " in said:
            return any("-0000-" in word for word in ended.words)
        if "cq: there is no stack " in said:
            return not self.model.eyes.look().stacks.keys() & names
        if "is not production: no alert is ever raised of it" in said:
            return all(not name.endswith("-prod") for name in names)
        return "the monitor is off" in said and self.play.monitor.state == "off"

    def _judge_live(self, stack: StackSeen, *, is_deploy: bool) -> None:
        """I3, I5, I11: the stack is protected, of the release's commit, and announced."""
        if not (stack.termination and stack.policy and all(stack.balancers.values())):
            self._found(f"I5: {stack.name} is said to be live and is not protected")
        self.model.bare.discard(stack.name)
        if not is_deploy:
            return
        if stack.tags["commit"] != self.play.team.commits[stack.tags["release"]]:
            self._found(f"I3: {stack.name} is live with commit {stack.tags['commit']}")
        inbox = self.play.team.world.state.root / "slack.jsonl"
        lines = inbox.read_text("utf-8").splitlines() if inbox.exists() else []
        told = [line for line in lines if f"is live: {stack.name}" in line]
        if not told or any("Possible repeat" not in line for line in told[1:]):
            self._found(f"I11: {stack.name} was announced {len(told)} times, not all repeats marked")

    def _found(self, problem: str) -> None:
        self.model.problems.append(problem)
