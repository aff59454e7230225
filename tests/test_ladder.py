"""The ladder as data: every rung is shown, refuses by itself, and only those that wait can be skipped (I6)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from coinquery import cli, naming, reasons
from coinquery.cli import ladder as shown
from coinquery.errors import NameNotTyped, StackInUse, StackIsLive, WrongUse
from coinquery.notify.messages import glass_broken
from coinquery.retirement import break_glass
from coinquery.retirement.ladder import Ladder
from coinquery.retirement.rung import Rung
from coinquery.rollout.rollout import Means
from coinquery.stacks import locks
from coinquery.stacks.ledger import Entry
from coinquery.stacks.notes import GIVEN_BACK, GIVING_BACK, LIVE, MOVING, RETIRED, SWITCHED, Mark, of_id
from coinquery.stacks.stack import Stack
from tests.teams import REGION, Team

WAITING = {"the old answer's time is over", "no requests", "nobody needs it as the way back"}
RUNGS = (
    "the name is typed in full",
    "no move of a name to it is under way",
    "not live",
    "the old answer's time is over",
    "no requests",
    "a healthy successor is live",
    "nobody needs it as the way back",
)


def rung(title: str, *, holds: bool, waits: bool = False, skipped: bool = False) -> Rung:
    needs = "" if holds else f"Wait for [{title}]"
    return Rung(title=title, holds=holds, saw="[red]seen", needs=needs, waits=waits, skipped=skipped)


class Made(Ladder):
    """A ladder of rungs that were made up, climbed as any other."""

    def __init__(self, rungs: list[Rung], stack: Stack, *, glass: bool) -> None:
        self._stack = stack
        self._glass = glass
        self._made = rungs

    def _checks(self):  # type: ignore[no-untyped-def]
        return tuple(lambda rung=rung: rung for rung in self._made)


@given(st.lists(st.builds(rung, st.sampled_from(RUNGS), holds=st.booleans(), waits=st.booleans())), st.booleans())
def test_i6_a_stack_goes_only_if_each_rung_holds_or_waits_and_the_glass_is_broken(
    rungs: list[Rung], glass: bool
) -> None:
    stack: Any = SimpleNamespace(name="cq-eth-0001-prod")
    ladder = Made(rungs, stack, glass=glass)
    blocking = [r for r in rungs if not r.holds and not (glass and r.waits)]
    if not blocking:
        assert [r.title for r in ladder.climb()] == [r.title for r in rungs if not r.holds]
        return
    with pytest.raises(blocking[0].refusal) as refused:
        ladder.climb()
    assert blocking[0].title in refused.value.what, "it names the rung"
    assert blocking[0].saw in refused.value.what, "and what it saw"
    assert blocking[0].needs in refused.value.remedy, "and what would satisfy it"


def test_the_ladder_is_a_tree_on_a_terminal_and_lines_elsewhere() -> None:
    rungs = [
        rung("not live", holds=True),
        rung("no requests", holds=False, waits=True),
        rung("nobody needs it as the way back", holds=False, waits=True, skipped=True),
    ]
    text = StringIO()
    Console(file=text, width=100).print(shown.tree("the ladder of cq-eth-0001-prod", rungs))
    drawn = text.getvalue()
    assert "✓ not live  [red]seen" in drawn
    assert "✗ no requests  [red]seen" in drawn
    assert "Wait for [no requests]" in drawn
    assert "» nobody needs it as the way back" in drawn
    assert [line.split()[0] for line in shown.lines(rungs)] == ["✓", "✗", "Wait", "»", "skipped,"]


@pytest.mark.parametrize("reason", ["", "   ", "\t\n", "a\x1b[2Jb", "a\nb", "a\u202eb", "x" * 501, "half \ud800"])
def test_i6_a_reason_that_says_nothing_is_refused_before_anything_is_asked(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQ_CONFIG", "/nonexistent")
    assert cli.run(["retire", "cq-eth-0001-prod", "--break-glass", reason]) == 2
    with pytest.raises(WrongUse, match="--break-glass: the reason"):
        reasons.check(reason, "--break-glass")


@given(st.text())
def test_a_reason_is_one_line_that_can_be_written_and_shown_or_is_refused(text: str) -> None:
    try:
        reason = reasons.check(text, "--break-glass")
    except WrongUse:
        return
    assert reason
    assert len(reason) <= reasons.LONGEST
    assert len(reason.splitlines()) == 1
    assert json.loads(json.dumps(reason)) == reason
    reason.encode()


def test_i14_what_slack_is_told_shows_the_reason_as_it_is() -> None:
    message = glass_broken(
        "cq-eth-0001-prod", "arn:x", "<!channel> & more", ("no requests: <3>",), possible_repeat=True
    )
    text = json.dumps(message)
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; more" in text
    assert "no requests: &lt;3&gt;" in text
    assert "Possible repeat" in text


@pytest.fixture(scope="module")
def pair(team: Team) -> tuple[Team, str]:
    """Two releases, the second live since a moment ago: the first is its way back for a day."""
    coin = team.coin("glass")
    team.deploy(coin, "v1.0.0")
    team.deploy(coin, "v1.1.0")
    return team, coin


def test_i6_the_plan_shows_every_rung_and_what_would_satisfy_it_and_ends_well(pair: tuple[Team, str]) -> None:
    team, coin = pair
    ran = team.run("retire", f"cq-{coin}-0001-prod", "--plan", "--json")
    assert ran.returncode == 0, ran.stderr
    rungs = {each["rung"]: each for each in json.loads(ran.stdout)["ladder"]}
    assert tuple(rungs) == RUNGS
    assert {title for title, each in rungs.items() if each["waits"]} == WAITING
    assert all(bool(each["needs"]) is not each["holds"] for each in rungs.values())
    assert rungs["the name is typed in full"]["needs"].endswith(f"--name cq-{coin}-0001-prod")
    assert rungs["nobody needs it as the way back"]["needs"].startswith("Wait until 20")
    assert "✗ the name is typed in full" in ran.stderr
    live = team.run("retire", f"cq-{coin}-0002-prod", "--plan")
    assert live.returncode == 0
    (not_live,) = [line for line in live.stderr.splitlines() if "✗ not live" in line]
    assert f" {coin}.example.com" in not_live


def test_i6_when_a_name_was_moved_by_hand_nobody_knows(pair: tuple[Team, str]) -> None:
    """The live stack's own switch was long before, and says nothing of the answers that still lead to the other."""
    team, coin = pair
    first, names = team.stack(f"cq-{coin}-0001-prod"), team.names(coin)
    assert first is not None
    standing, elsewhere = names.read(), names.target(first)
    names.move(standing, elsewhere, "by hand", lambda: None)
    try:
        plan = json.loads(team.must("retire", f"cq-{coin}-0002-prod", "--plan", "--json"))
    finally:
        names.move(elsewhere, standing, "by hand", lambda: None)
    (rung,) = [each for each in plan["ladder"] if each["rung"] == "the old answer's time is over"]
    assert (rung["holds"], rung["saw"]) == (False, "nobody noted when the name moved away")


def test_i6_two_clocks_that_disagree_keep_no_stack_for_ever() -> None:
    """Who switched had a clock that was ahead of the one of who gave the name back: the later time counts."""
    marks = {SWITCHED: "2026-01-01T10:04:00+00:00", GIVEN_BACK: "2026-01-01T10:02:00+00:00"}
    ladder: Any = Ladder.__new__(Ladder)
    ladder._notes = SimpleNamespace(marked=lambda what: Mark(time=marks[what], who="a"))
    assert ladder._moved_away() == datetime.fromisoformat(marks[SWITCHED])


def test_i6_a_move_that_ends_while_the_ladder_is_climbed_is_seen(
    pair: tuple[Team, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch lands and its lock goes at the moment at which the ladder looks for locks: the name leads here now."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    names, there, here = means.names, means.names.target(old), means.names.target(new)
    names.move(here, there, "the older one is live")

    def landed(*_: object) -> dict[str, Mark]:
        names.move(there, here, "the batch of a process")
        return {}

    monkeypatch.setattr(locks, "standing", landed)
    with pytest.raises(StackIsLive, match="not live"):
        Ladder(means, new, str(new.name), glass=True).climb()


def test_i6_a_way_back_that_was_begun_is_seen_though_its_lock_is_old(pair: tuple[Team, str]) -> None:
    """Its process may be asleep right before its batch, and records and lock are as if it had died."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    theirs, ours = (of_id(means.store, stack.rollout) for stack in (new, old))
    lock = locks.take(ours, MOVING, datetime.now(UTC) - timedelta(hours=1), "asleep")
    theirs.mark(GIVING_BACK, datetime.now(UTC), "asleep")
    try:
        with pytest.raises(StackIsLive, match="a way back to it was begun"):
            Ladder(means, old, str(old.name), glass=True).climb()
    finally:
        ours.unmark(lock)
        theirs.unmark(GIVING_BACK)


def test_i6_the_lock_of_a_move_holds_for_its_time_and_no_longer(pair: tuple[Team, str]) -> None:
    team, coin = pair
    means, (old, _) = team.means(coin), team.first_two(coin)
    notes, moving = of_id(means.store, old.rollout), timedelta(seconds=means.config.waits.moving.seconds)
    first = locks.take(notes, MOVING, datetime.now(UTC) - moving - timedelta(seconds=5), "who died")
    Ladder(means, old, str(old.name), glass=True).climb()
    second = locks.take(notes, MOVING, datetime.now(UTC), "who is at it")
    with pytest.raises(StackIsLive, match="who is at it was moving one"):
        Ladder(means, old, str(old.name), glass=True).climb()
    notes.unmark(first)
    notes.unmark(second)


def test_i6_who_goes_back_to_it_since_when_nobody_noted_still_does(pair: tuple[Team, str]) -> None:
    """The switch's process was killed between the records and the note."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes = of_id(means.store, new.rollout)
    switched = notes.get(SWITCHED)
    assert switched is not None
    notes.unmark(SWITCHED)
    try:
        seen = {rung.title: rung for rung in Ladder(means, old, str(old.name)).rungs()}
    finally:
        notes.settle(SWITCHED, switched)
    rung = seen["nobody needs it as the way back"]
    assert (rung.holds, rung.waits) == (False, True)
    assert f"{new.name} goes back to it" in rung.saw
    assert f"run the deploy of {new.name} again" in rung.needs


def test_i6_the_stack_that_the_live_one_goes_back_to_climbs_every_rung_whatever_its_own_notes_lack(
    pair: tuple[Team, str],
) -> None:
    """The name was moved to it by hand, and nobody noted that."""
    team, coin = pair
    means, (old, _) = team.means(coin), team.first_two(coin)
    notes = of_id(means.store, old.rollout)
    kept = {mark: notes.get(mark) for mark in ("way-back", SWITCHED, LIVE)}
    for mark in kept:
        notes.unmark(mark)
    try:
        titles = tuple(rung.title for rung in Ladder(means, old, str(old.name)).rungs())
    finally:
        for mark, value in kept.items():
            notes.settle(mark, str(value))
    assert titles == RUNGS


def test_i9_who_lost_the_name_does_not_take_it_again_though_nobody_noted_that_it_had_it(pair: tuple[Team, str]) -> None:
    """Its process was killed right after its batch; a machine repeats the command after the next deploy."""
    team, coin = pair
    means, (old, new) = team.means(coin), team.first_two(coin)
    notes = of_id(means.store, old.rollout)
    kept = {mark: notes.get(mark) for mark in (SWITCHED, LIVE)}
    for mark in kept:
        notes.unmark(mark)
    try:
        ran = team.run("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes")
    finally:
        for mark, value in kept.items():
            notes.settle(mark, str(value))
    assert ran.returncode == 3
    assert f"{new.name} took the name from {old.name}" in ran.stderr
    assert "--new" in ran.stderr
    assert means.names.leads_to(new.outputs)


def test_i10_a_way_back_goes_from_the_stack_that_is_named_or_nowhere(pair: tuple[Team, str]) -> None:
    team, coin = pair
    ran = team.run("rollback", coin, "--from", f"cq-{coin}-0001-prod", "--yes")
    assert ran.returncode == 3
    assert f"would be given back by cq-{coin}-0002-prod, not by cq-{coin}-0001-prod" in ran.stderr


def test_i6_a_stay_that_ends_before_the_lock_is_seen_everywhere_is_refused(pair: tuple[Team, str]) -> None:
    team, coin = pair
    name = f"cq-{coin}-0001-prod"
    ran = team.run("retire", name, "--name", name, "--wait", "1s")
    assert ran.returncode == 2
    assert "waits.settle (1s)" in ran.stderr


def test_i10_the_way_back_of_a_live_stack_is_found_however_many_numbers_came_after(pair: tuple[Team, str]) -> None:
    """Ten attempts failed since, and were taken down."""
    team, coin = pair
    ledger = team.means(coin).ledger
    for number in range(3, 14):
        rollout = f"{coin}/prod/{REGION}/v9.0.{number}/1"
        entry = Entry(rollout=rollout, region=REGION, release="v9", commit="0" * 40, author="a", reserved="now")
        assert ledger.reserve(naming.StackName(coin, number, "prod"), entry)
    plan = json.loads(team.must("rollback", coin, "--plan", "--json"))
    assert (plan["from"], plan["to"]) == (f"cq-{coin}-0002-prod", f"cq-{coin}-0001-prod")


def test_i6_no_reason_retires_the_live_stack_or_one_whose_name_is_not_typed(pair: tuple[Team, str]) -> None:
    team, coin = pair
    first, second = f"cq-{coin}-0001-prod", f"cq-{coin}-0002-prod"
    live = team.run("retire", second, "--name", second, "--break-glass", "we are in a hurry")
    assert (live.returncode, "not live" in live.stderr) == (3, True)
    nameless = team.run("retire", first, "--break-glass", "we are in a hurry")
    assert nameless.returncode == 3
    assert "the name is typed in full" in nameless.stderr.splitlines()[-2]
    waits = team.run("retire", first, "--name", first)
    assert waits.returncode == 3
    assert all(team.stack(name) is not None for name in (first, second))
    said = (team.world.state.root / "slack.jsonl").read_text("utf-8")
    assert "Break-glass" not in said, "nothing was skipped, so nobody is told"


def test_i6_i11_what_was_skipped_is_in_the_plan_the_journal_and_slack(pair: tuple[Team, str]) -> None:
    team, coin = pair
    name = f"cq-{coin}-0001-prod"
    reason = "<!here> the region is on fire & we leave"
    stack = team.stack(name)
    assert stack is not None
    notes = of_id(team.means(coin).store, stack.rollout)
    plan = json.loads(team.must("retire", name, "--name", name, "--break-glass", reason, "--plan", "--json"))
    assert {each["rung"] for each in plan["ladder"] if each["skipped"]} <= WAITING
    assert {each["rung"] for each in plan["ladder"] if each["skipped"]} >= {"nobody needs it as the way back"}
    ran = team.run("retire", name, "--name", name, "--break-glass", reason)
    assert ran.returncode == 0, ran.stderr
    assert "» nobody needs it as the way back" in ran.stderr
    assert team.stack(name) is None
    kept = break_glass.kept(notes)
    assert kept is not None
    assert kept.reason == reason
    assert notes.marked(RETIRED) is not None
    lines = json.loads(team.must("history", name, "--json"))["lines"]
    broke = [line for line in lines if line["what"] == "break the glass"]
    assert [line["result"] for line in broke] == ["begins", "done"]
    assert {line["why"] for line in broke} == {f"cq retire, break-glass: {reason}"}
    assert all("nobody needs it as the way back: cq-" in line["detail"] for line in broke)
    said = [line for line in (team.world.state.root / "slack.jsonl").read_text("utf-8").splitlines() if "glass" in line]
    (message,) = [line for line in said if "Break-glass" in line]
    assert "&lt;!here&gt; the region is on fire &amp; we leave" in message
    assert "nobody needs it as the way back" in message


def test_i9_who_can_not_go_back_is_told_who_retired_the_stack_and_when(pair: tuple[Team, str]) -> None:
    team, coin = pair
    entry = team.means(coin).ledger.entry(naming.parse(f"cq-{coin}-0001-prod"))
    assert entry is not None
    mark = of_id(team.means(coin).store, entry.rollout).marked(RETIRED)
    assert mark is not None
    ran = team.run("rollback", coin, "--yes")
    assert ran.returncode == 3
    assert f"came after cq-{coin}-0001-prod, which is gone: retired at {mark.time} by {mark.who}" in ran.stderr


def test_i11_what_slack_did_not_take_of_the_broken_glass_is_told_by_the_same_command(pair: tuple[Team, str]) -> None:
    """The stack is gone by then; the team learns of it all the same, marked as what may be a repetition."""
    team, coin = pair
    name, inbox = f"cq-{coin}-0001-prod", team.world.state.root / "slack.jsonl"
    entry = team.means(coin).ledger.entry(naming.parse(name))
    assert entry is not None
    notes = of_id(team.means(coin).store, entry.rollout)

    def told() -> list[str]:
        return [line for line in inbox.read_text("utf-8").splitlines() if "Break-glass" in line]

    before = told()
    team.must("retire", name, "--name", name)
    assert told() == before, "it was told, once"
    notes.unmark(break_glass.TOLD)
    team.must("retire", name, "--name", name)
    (repeated,) = told()[len(before) :]
    assert "Possible repeat" in repeated
    assert notes.get(break_glass.TOLD) is not None


def test_i6_a_refusal_is_named_for_its_rung(pair: tuple[Team, str]) -> None:
    team, coin = pair
    means: Means = team.means(coin)
    stack = team.stack(f"cq-{coin}-0002-prod")
    assert stack is not None
    found = {each.title: each.refusal for each in Ladder(means, stack, None).rungs()}
    assert found["the name is typed in full"] is NameNotTyped
    assert found["not live"] is StackIsLive
    assert found["no requests"] is StackInUse


@pytest.mark.parametrize(("typed", "holds"), [(None, True), ("", False), ("no", False), ("itself", True)])
def test_i6_a_name_that_was_typed_wrongly_is_no_consent_below_production_either(
    pair: tuple[Team, str], typed: str | None, holds: bool
) -> None:
    team, coin = pair
    production = team.stack(f"cq-{coin}-0002-prod")
    assert production is not None
    name = naming.parse(f"cq-{coin}-0001-stage")
    means: Means = team.means(coin)
    ladder = Ladder(means, replace(production, name=name), str(name) if typed == "itself" else typed)
    assert next(iter(ladder.rungs())).holds is holds


def test_i11_a_retirement_that_was_killed_when_the_stack_was_gone_gets_its_end(pair: tuple[Team, str]) -> None:
    """As a kill between the last look and the last lines leaves it."""
    team, coin = pair
    name = f"cq-{coin}-0001-prod"
    means = team.means(coin)
    entry = means.ledger.entry(naming.parse(name))
    assert entry is not None
    for what in ("retire", "delete the stack"):
        means.journal.write(name, what, "begins", entry.rollout)
    team.must("retire", name, "--name", name)
    lines = json.loads(team.must("history", name, "--json"))["lines"]
    assert [(line["what"], line["result"]) for line in lines[-4:]] == [
        ("delete the stack", "carried on"),
        ("delete the stack", "done"),
        ("retire", "carried on"),
        ("retire", "done"),
    ]
    team.must("retire", name, "--name", name)
    assert json.loads(team.must("history", name, "--json"))["lines"] == lines
