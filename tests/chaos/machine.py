"""A state machine of hypothesis over the whole command surface: what must hold is looked for after each step.

A step is one rule. An example is one coin; its steps are told where one of them violates an invariant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.chaos import part
from tests.chaos.ear import Ear
from tests.chaos.ends import Ends
from tests.chaos.eyes import LEDGER, Eyes
from tests.chaos.model import Model
from tests.chaos.others import BY_HAND, MEANWHILE, Others
from tests.chaos.play import Ended, Play
from tests.chaos.troubles import FAULTS, Meanwhile, fault
from tests.chaos.wire import Trouble
from tests.chaos.words import LOOKING, MISTYPED
from tests.teams import REGION, RELEASES

#: PutLogEvents takes nothing that is more than 2 h ahead, so no example lasts longer; in seconds.
LONGEST = 100 * 60
#: How often a command that says so is run again on a busy machine.
NOT_FINISHED, PATIENCE = 4, 4
#: Commands that a harm outlasts.
ILL = 2
NAMES = {
    ("prod", "public"): "{}.example.com",
    ("prod", "private"): "{}.internal.example.com",
    ("stage", "public"): "{}.stage.example.com",
}

at = st.integers(0, 36)
faulty = st.tuples(st.sampled_from(FAULTS), at, st.integers(1, 12))
troubled = st.one_of(st.none(), st.none(), faulty, st.tuples(st.sampled_from(MEANWHILE), at, st.just(1)))
Drawn = tuple[str, int, int] | Trouble | None


class Violated(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True)
class Cut:
    """A command that was cut, and whether it would have ended well."""

    words: tuple[str, ...]
    hopeful: bool


class Machine(RuleBasedStateMachine):
    """``world`` is set by who runs it; ``counts`` is how often each rule was, over all examples."""

    world: ClassVar[Play]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.play = self.world
        self.coin = self.play.begin()
        levels = self.play.team.config.levels
        prod, stage = levels["prod"], levels["stage"]
        zones = dict(zip(NAMES, (prod.public_zone, str(prod.private_zone), stage.public_zone), strict=True))
        names = {key: name.format(self.coin) for key, name in NAMES.items()}
        self.model = Model(self.play, Eyes(self.play.hand, self.coin, zones, names), self.play.team.commits)
        self.ear = Ear(self.model)
        self.ends = Ends(self.play, self.model)
        self.others = Others(self.play, self.model, self.coin, self.ends.judge)
        self.cut: Cut | None = None
        self.ill = 0
        self.story: list[str] = []

    def teardown(self) -> None:
        self.play.clear(self.coin)
        part.say(f"{self.counts.total()} steps")

    # Commands

    @initialize(releases=st.sampled_from([(), RELEASES[:1], RELEASES, RELEASES, RELEASES]))
    def some_stand(self, releases: Sequence[str]) -> None:
        """So many stacks were deployed before, the last of them is live."""
        for release in releases:
            self.deploy(release, False, None)

    @rule(release=st.sampled_from(RELEASES), new=st.booleans(), drawn=troubled)
    def deploy(self, release: str, new: bool, drawn: Drawn) -> None:
        words = ("deploy", self.coin, "--release", release, "--region", REGION, "--yes")
        self._command((*words, "--new") if new else words, drawn, self.ends.may_deploy(self.coin, release, new))

    @rule(release=st.sampled_from(RELEASES), number=st.integers(1, 4), drawn=troubled)
    def deploy_as(self, release: str, number: int, drawn: Drawn) -> None:
        """Under a number that somebody wishes for: refused if it was ever given out (I2)."""
        given = f"{LEDGER}/{self.coin}/prod/{number:04}" in self.model.seen.ledger
        words = ("deploy", self.coin, "--release", release, "--region", REGION, "--new", "--number", str(number))
        ended = self._command((*words, "--yes"), drawn, not given and self.ends.may_deploy(self.coin, release, True))
        if given and ended.code == 0:
            self.model.problems.append(f"I2: number {number} was given out already, and {ended.words} ends well")

    @rule(drawn=troubled)
    def rollback(self, drawn: Drawn) -> None:
        self._command(("rollback", self.coin, "--yes"), drawn)

    @rule(
        which=st.integers(0, 3),
        typed=st.sampled_from(["right", "right", "right", "wrong", "none"]),
        glass=st.sampled_from([False, False, True]),
        drawn=troubled,
    )
    def retire(self, which: int, typed: str, glass: bool, drawn: Drawn) -> None:
        name = self._a_stack(which)
        words = ["retire", name, *(("--break-glass", "the disk is full") if glass else ())]
        if typed != "none":
            words += ["--name", name if typed == "right" else name[:-1]]
        self.others.keep_metrics()
        self._command(tuple(words), drawn)

    @rule(which=st.integers(0, 1), drawn=troubled)
    def retire_in_time(self, which: int, drawn: Drawn) -> None:
        """What is not live, long after it was, by its name, with a successor that was looked at."""
        self._let_pass(11)
        self.the_monitor_looks(2)
        live = self.model.seen.led_to()
        names = sorted(name for name in self.model.seen.stacks if live is None or name != live.name)
        if names:
            name = names[which % len(names)]
            self.others.keep_metrics()
            self._command(("retire", name, "--name", name), drawn)

    @rule(drawn=troubled)
    def deploy_to_stage(self, drawn: Drawn) -> None:
        self._command(("deploy", self.coin, "--release", "v1.1.0", "--level", "stage", "--yes"), drawn)

    @precondition(lambda self: self.cut is not None)
    @rule()
    def carry_on(self) -> None:
        """The same command again, undisturbed, ends right (I11)."""
        assert self.cut is not None
        cut, before = self.cut, self.model.may_go.copy()
        self.others.mend()
        self.others.keep_metrics()
        ended = self._command(tuple(word for word in cut.words if word != "--new"), None)
        begun = cut.words[0] == "retire" and cut.words[1] in before and cut.words[1] == self.model.typed
        if (cut.hopeful or begun) and ended.code != 0:
            self.model.problems.append(f"I11: carried on, {ended.words} ends with {ended.code}: {ended.said[-800:]}")

    @rule(which=st.integers(0, 3), is_over=st.booleans(), drawn=st.one_of(st.none(), faulty))
    def silence(self, which: int, is_over: bool, drawn: Drawn) -> None:
        """No alert is raised of a stack of production; what is proven, and what may go, is all the same."""
        words = ("--end",) if is_over else ("--for", "1h", "--why", "new disks")
        ended = self._run(("monitor", "silence", self._a_stack(which), *words), drawn)
        if drawn is None and ended.code not in (0, 2):
            self.model.problems.append(f"I12: {ended.words} ends with {ended.code}, nothing is wrong: {ended.said}")

    @rule(words=st.sampled_from(LOOKING))
    def look_on(self, words: Sequence[str]) -> None:
        ended = self._run(tuple(word.format(self.coin) for word in words), None)
        if ended.wire.changes:
            self.model.problems.append(f"I12: {ended.words} changes: {ended.wire.calls}")

    @rule(name=st.sampled_from(MISTYPED))
    def mistype(self, name: str) -> None:
        name = name.format(self.coin)
        ended = self._run(("retire", name, "--name", name), None)
        if ended.code != 2 or ended.wire.calls:
            self.model.problems.append(f"I1: {name!r} is taken for a stack name: exit code {ended.code}")

    # What others do

    @rule(minutes=st.sampled_from([1, 1, 4, 11]))
    def time_passes(self, minutes: int) -> None:
        self._step("time_passes", minutes=minutes)
        self._let_pass(minutes)

    @rule(harm=st.integers(0, 7), which=st.integers(0, 5))
    def something_fails(self, harm: int, which: int) -> None:
        harms = self.play.stage.harms
        self.harm(harms[harm % len(harms)], which)

    def harm(self, what: str, which: int) -> None:
        """Something stops working; two commands later it is mended."""
        self._step("harm", what=what, which=which)
        self.ill = ILL
        self.others.harm(what, which)

    @precondition(lambda self: self.ill > 0)
    @rule()
    def mend(self) -> None:
        self._step("mend")
        self.ill = 0
        self.others.mend()

    @rule(what=st.sampled_from(BY_HAND), which=st.integers(0, 3))
    def meddle(self, what: str, which: int) -> None:
        """Somebody does something by hand."""
        self._step("meddle", what=what, which=which)
        self.others.meddle(what, which)

    @rule(times=st.integers(1, 2))
    def the_monitor_looks(self, times: int) -> None:
        self._step("the_monitor_looks", times=times)
        if self.play.monitor.state == "on":
            for _ in range(times):
                self.play.monitor.sweep()
            if self.others.is_calm:
                self.ear.judge_live()

    @invariant()
    def what_must_hold(self) -> None:
        """Look at the world, and tell what does not hold."""
        model, monitor = self.model, self.play.monitor
        self.ear.hear(monitor.seen)
        self.ear.watch(self.play.monitor_wire.calls)
        monitor.seen.clear()
        self.play.monitor_wire.calls.clear()
        model.look()
        if self.others.is_calm:
            self.ear.judge_what_serves(model.seen.led_to())
        if model.problems:
            raise Violated("\n".join([*model.problems, "after:", *self.story]))

    # Means

    def _command(self, words: tuple[str, ...], drawn: Drawn, hopeful: bool = False) -> Ended:
        """Run a command that may change the world; one that was cut is kept, to be carried on."""
        hopeful = hopeful and self.others.is_calm
        private = self.model.eyes.record(("prod", "private"))
        stay = self.play.terms.stay if self.others.is_calm else self.play.terms.stay_ill
        ended = self._run((*words, "--wait", stay), drawn)
        again = tuple(word for word in words if word != "--new")
        for _ in range(PATIENCE if hopeful and drawn is None and ended.code == NOT_FINISHED else 0):
            ended = ended if ended.code == 0 else self._run((*again, "--wait", stay), None)
        was_cut = ended.code != 0 and drawn is not None and not self.others.acted
        self.cut = Cut(words, hopeful) if was_cut else None
        self.model.split = self.model.split or (was_cut and words[0] in ("deploy", "rollback"))
        if hopeful and drawn is None and ended.code != 0:
            self.model.problems.append(f"I12: {words} ends with {ended.code}, nothing is wrong: {ended.said[-800:]}")
        if "moves the public record" in self.others.acted and ended.code == 3 and words[0] != "retire":
            self.ends.judge_put_back(private, self.others.private)
        if ended.code == 0 and not self.others.acted:
            self.ends.judge_claim(ended)
        self.ill -= 1
        if self.ill == 0:
            self.others.mend()
        return ended

    def _run(self, words: tuple[str, ...], drawn: Drawn) -> Ended:
        self._step(words[0], words=" ".join(words), drawn=drawn)
        self.model.typed = next((name for option, name in pairwise(words) if option == "--name"), None)
        self.model.glass = "--break-glass" in words
        self.others.acted.clear()
        trouble = self._trouble(drawn)
        ended = self.play.run(words, [self.model.on_call], [] if trouble is None else [trouble])
        self.story[-1] += f" -> {ended.code}, {len(ended.wire.calls)} calls, {ended.wire.changes} changes"
        self.ends.judge(ended)
        return ended

    def _a_stack(self, which: int) -> str:
        """One of the coin's stacks, or a name that none has."""
        names = sorted(self.model.seen.stacks) or [f"cq-{self.coin}-0009-prod"]
        return names[which % len(names)]

    def _trouble(self, drawn: Drawn) -> Trouble | None:
        if not isinstance(drawn, tuple):
            return drawn
        kind, number, times = drawn
        if kind in FAULTS:
            return fault(kind, number, times)
        return Meanwhile(number, lambda: self.others.act(kind, number), harms="kills" in kind)

    def _let_pass(self, minutes: int) -> None:
        if self.play.clock.shift < LONGEST - 40 * 60:
            self.play.clock.move(minutes * 60)

    def _step(self, name: str, **given: object) -> None:
        self.counts[name] += 1
        said = ", ".join(f"{key}={value!r}" for key, value in given.items())
        self.story.append(f"{self.play.clock.now():%H:%M:%S} {name}({said})")
