"""The journal: every change has its beginning, its end, and says who carried on what another began (I11)."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.clock import SystemClock
from coinquery.durations import Duration
from coinquery.errors import AwsUnreachable, LinesRejected, NotFinished, RecordMoved
from coinquery.rollout.journaled import Journaled
from coinquery.rollout.run import Run
from coinquery.rollout.step import Observation, holds, missing, waiting
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP
from coinquery.stacks.journal import BEGINS, CARRIED_ON, DONE, FAILED, NOT_FINISHED, REFUSED, Journal, Line
from coinquery.stacks.notes import GIVING_BACK, of_id
from tests.teams import REGION, Team
from tests.test_rollout_run import LIMIT, HandClock, Silent
from tests.worlds import World

ENDS = {DONE, FAILED, REFUSED, NOT_FINISHED}


class Killed(BaseException):
    """What a SIGKILL is to a run in this process: nothing after it happens."""


@dataclass
class Book:
    """A journal in memory. ``dies`` counts down the events after which the process is killed; ``late`` hides lines."""

    lines: list[Line] = field(default_factory=list)
    who: str = "arn:aws:iam::1:user/one"
    dies: int = -1
    late: int = 0
    reads: int = 0
    broken: bool = False

    def event(self) -> None:
        self.dies -= 1
        if self.dies == 0:
            raise Killed

    def write(self, stack: Any, what: str, result: str, rollout: str = "", detail: str = "", why: str = "") -> None:
        self.event()
        if self.broken:
            raise LinesRejected("CloudWatch dropped it", "Check the clock.")
        self.lines.append(
            Line(time=f"t{len(self.lines)}", who=self.who, stack=str(stack), what=what, result=result,
                 rollout=rollout, detail=detail, why=why)
        )  # fmt: skip
        self.event()

    def newest(self, stack: Any, limit: int) -> list[Line]:
        self.reads += 1
        if self.broken:
            raise AwsUnreachable("AWS does not answer", "Check the network.")
        return self.lines[: len(self.lines) - self.late][-limit:]

    def of(self, what: str) -> list[str]:
        return [line.result for line in self.lines if line.what == what]


@dataclass
class Thing:
    """A step that makes one thing; making it takes ``looks`` looks after the act."""

    title: str
    world: set[str]
    book: Book
    looks: int = 0
    fails: Exception | None = None
    limit: Duration = LIMIT
    acts: int = 0

    def intent(self) -> str:
        return f"make {self.title}"

    def observe(self) -> Observation:
        if self.title not in self.world:
            return missing("not there")
        if self.looks:
            self.looks -= 1
            return waiting("it comes")
        return holds("there")

    def act(self) -> None:
        self.book.event()
        if self.fails:
            raise self.fails
        self.world.add(self.title)
        self.acts += 1
        self.book.event()


def chapter(book: Any, rollout: str = "r/1", why: str = "cq deploy") -> Chapter:
    return Chapter(book, lambda: "cq-eth-0001-prod", lambda: rollout, why)


def drive(book: Book, things: list[Thing]) -> Run:
    told = chapter(book)
    run = Run(HandClock(), Silent(), Duration(5))
    run.carry_out([Journaled(thing, told) for thing in things])
    return run


def test_i11_an_undisturbed_run_writes_two_lines_a_change_and_reads_once() -> None:
    book, world = Book(), set[str]()
    drive(book, [Thing(title, world, book, looks=2) for title in ("stack", "name", "word")])
    assert [(line.what, line.result) for line in book.lines] == [
        (what, result) for what in ("stack", "name", "word") for result in (BEGINS, DONE)
    ]
    assert book.reads == 1
    drive(book, [Thing(title, world, book) for title in ("stack", "name", "word")])
    assert (len(book.lines), book.reads) == (6, 2), "the same command again changes nothing and says nothing"


@given(kills=st.lists(st.integers(1, 24), max_size=4), looks=st.integers(0, 2), late=st.integers(0, 3))
def test_i11_killed_anywhere_every_change_that_was_begun_has_its_end(kills: list[int], looks: int, late: int) -> None:
    """And where the one that carries on sees what was written, it says that it carries on. Nothing is made twice."""
    book, world, acts = Book(), set[str](), 0
    killed: list[list[str]] = []
    for point in kills:
        book.dies, book.who = point, f"arn:aws:iam::1:user/{len(killed)}"
        things = [Thing(title, world, book, looks) for title in ("stack", "name")]
        try:
            drive(book, things)
        except Killed:
            killed.append([line.what for line in book.lines if _is_open(book, line.what)])
        acts += sum(thing.acts for thing in things)
    things = [Thing(title, world, book, looks) for title in ("stack", "name")]
    book.dies, book.late = -1, late
    drive(book, things)
    assert acts + sum(thing.acts for thing in things) == len(world) == 2
    if late:
        return
    for what in ("stack", "name"):
        results = book.of(what)
        assert results == [] or results[-1] == DONE
        assert results.count(CARRIED_ON) >= (1 if any(what in left for left in killed) else 0)
        assert all(after != BEGINS for before, after in pairwise(results) if before in (BEGINS, CARRIED_ON))


def _is_open(book: Book, what: str) -> bool:
    results = book.of(what)
    return bool(results) and results[-1] not in ENDS


def test_i11_who_carries_on_says_when_it_was_begun_and_by_whom() -> None:
    book, world = Book(), {"stack"}
    book.write("cq-eth-0001-prod", "stack", BEGINS, "r/1")
    book.write("cq-eth-0001-prod", "stack", BEGINS, "r/2")
    book.who = "arn:aws:iam::1:user/two"
    drive(book, [Thing("stack", world, book, looks=1)])
    carried, done = book.lines[2:]
    assert (carried.result, carried.who, done.result) == (CARRIED_ON, "arn:aws:iam::1:user/two", DONE)
    assert carried.detail == "begun at t0 by arn:aws:iam::1:user/one, no end was seen"


def test_i11_a_run_that_was_killed_between_its_changes_is_told_of_as_a_whole() -> None:
    book = Book()
    begun = (("other", "r/2", "cq deploy"), ("name", "r/1", "cq rollback"), ("stack", "r/1", "cq deploy"))
    for what, rollout, why in begun:
        book.write("cq-eth-0001-prod", what, BEGINS, rollout, why=why)
        book.write("cq-eth-0001-prod", what, DONE, rollout, why=why)
    book.who = "arn:aws:iam::1:user/two"
    told = chapter(book)
    told.carry_on("deploy")
    assert (book.lines[-1].what, book.lines[-1].who) == ("deploy", "arn:aws:iam::1:user/two")
    assert book.lines[-1].detail == "begun at t4 by arn:aws:iam::1:user/one, no end was seen"
    with pytest.raises(NotFinished), told.stopping("deploy"):
        raise NotFinished("no block came", "Wait.")
    told.once("deploy", "live", "it answers")
    assert book.of("deploy") == [CARRIED_ON, NOT_FINISHED, "live"]
    again = chapter(book)
    again.once("deploy", "live", "it answers")
    assert book.of("deploy") == [CARRIED_ON, NOT_FINISHED, "live"], "the journal has it"
    again.carry_on("deploy")
    again.close("deploy", "live", "it answers")
    again.close("deploy", "live", "it answers")
    assert book.of("deploy")[3:] == [CARRIED_ON, "live"]
    assert book.reads == 2


def test_i11_the_end_of_what_another_began_meanwhile_and_left_is_written() -> None:
    """It joins, and reads the journal before the other begins; the other is killed, and this one sees the result."""
    book, world = Book(), {"before"}
    told = chapter(book)
    run = Run(HandClock(), Silent(), Duration(5))
    run.carry_out([Journaled(Thing("before", world, book), told)])
    book.write("cq-eth-0001-prod", "stack", BEGINS, "r/1")
    run.carry_out([Journaled(Thing("stack", {"stack"}, book), told)])
    assert book.of("stack") == [BEGINS, CARRIED_ON, DONE]


@pytest.mark.parametrize(
    ("error", "result", "again"),
    [
        (RecordMoved("eth.example.com was changed by someone else", "Talk to them."), REFUSED, BEGINS),
        (AwsUnreachable("AWS does not answer", "Again."), FAILED, CARRIED_ON),
        (KeyError("what"), FAILED, CARRIED_ON),
    ],
)
def test_i11_an_error_is_the_end_and_the_next_run_begins_or_carries_on(
    error: Exception, result: str, again: str
) -> None:
    """What was refused has not happened; what failed may have."""
    book, world = Book(), set[str]()
    with pytest.raises(type(error)):
        drive(book, [Thing("name", world, book, fails=error)])
    assert book.of("name") == [BEGINS, result]
    assert book.lines[-1].detail == (getattr(error, "what", "") or "KeyError")
    drive(book, [Thing("name", world, book)])
    assert book.of("name")[2:] == [again, DONE]


def test_i11_a_stay_that_is_over_is_an_end_and_the_same_command_carries_on() -> None:
    book, world = Book(), set[str]()
    with pytest.raises(NotFinished):
        drive(book, [Thing("stack", world, book, looks=100)])
    drive(book, [Thing("stack", world, book)])
    assert book.of("stack") == [BEGINS, NOT_FINISHED, CARRIED_ON, DONE]


def test_i5_without_its_first_line_nothing_is_changed_and_without_its_last_it_is_warned() -> None:
    book, world = Book(broken=True), set[str]()
    thing = Thing("name", world, book)
    with pytest.raises(LinesRejected):
        drive(book, [thing])
    assert (thing.acts, world) == (0, set())
    book.broken = False

    class Breaks(Thing):
        def act(self) -> None:
            super().act()
            book.broken = True

    run = drive(book, [Breaks("name", world, book)])
    assert "the journal lacks the line 'name', 'done'" in run.done[0].warning


def test_a_change_that_is_no_step_ends_likewise() -> None:
    book = Book()
    with pytest.raises(RecordMoved), chapter(book).change("retire"):
        raise RecordMoved("moved", "Look.")
    with chapter(book).change("retire"):
        pass
    assert book.of("retire") == [BEGINS, REFUSED, BEGINS, DONE]


# On the local AWS.


@pytest.fixture
def journal(world: World) -> Journal:
    region = f"eu-journal-{next(_numbers)}"
    world.aws.logs(region).create_log_group(logGroupName=JOURNAL_LOG_GROUP)
    return Journal(world.aws.logs(region), SystemClock(), "arn:aws:iam::000000000000:user/anna")


_numbers = iter(range(1, 100))


def test_a_line_can_be_written_whatever_it_says_and_hostile_lines_are_passed_over(
    world: World, journal: Journal
) -> None:
    logs = journal._group._logs
    journal.write("cq-eth-0001-prod", "retire", BEGINS, why="\ud800 half \x1b[2J", detail="x" * 5000)
    hostile = ["{", "[1]", '"text"', '{"time": 3}', '{"time":"t","who":"w","stack":"s","what":"old","result":"done"}']
    for line in hostile:
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.put_log_events(
            logGroupName=JOURNAL_LOG_GROUP,
            logStreamName="cq-eth-0001-prod",
            logEvents=[{"timestamp": now, "message": line}],
        )
    first, old = journal.newest("cq-eth-0001-prod", 100)
    assert (first.why, len(first.detail)) == ("? half \x1b[2J", 2000)
    assert (old.what, old.why, old.rollout) == ("old", "", "")
    assert journal.newest("cq-eth-0002-prod", 100) == []


def lines(team: Team, stack: str) -> list[dict[str, str]]:
    return list(json.loads(team.must("history", stack, "--json"))["lines"])


def told(team: Team, stack: str, what: str) -> list[str]:
    return [line["result"] for line in lines(team, stack) if line["what"] == what]


def killed_at(process: subprocess.Popen[str], until: Callable[[], bool]) -> None:
    """Kill the process when that is so."""
    while not until() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


def test_i11_who_carries_on_what_was_killed_leaves_a_line_that_says_so(team: Team) -> None:
    """Killed when the journal says that it creates the stack; then at a wait, where no change is under way."""
    coin = team.coin("killed")
    name = f"cq-{coin}-0001-prod"
    journal = Journal(team.world.aws.logs(REGION), SystemClock(), "a test")
    deploy = ("deploy", coin, "--release", "v1.0.0", "--region", REGION, "--yes")
    killed_at(team.start(*deploy), lambda: bool(journal.newest(name, 1)))
    assert told(team, name, "create the stack") == [BEGINS]
    process = team.start(*deploy)
    assert process.stderr is not None
    said = process.stderr
    killed_at(process, lambda: "wait for the nodes: begins" in said.readline())
    assert told(team, name, "create the stack") == [BEGINS, CARRIED_ON, DONE]
    assert told(team, name, "deploy") == [CARRIED_ON]
    team.deploy(coin, "v1.0.0")
    assert told(team, name, "deploy") == [CARRIED_ON, CARRIED_ON, "live"]
    begun = f"begun at {lines(team, name)[0]['time']} by {journal.newest(name, 1)[0].who}, no end was seen"
    assert {line["detail"] for line in lines(team, name) if line["result"] == CARRIED_ON} == {begun}
    assert all(told(team, name, what)[-1] == DONE for what in {line["what"] for line in lines(team, name)} - {"deploy"})
    before = lines(team, name)
    team.deploy(coin, "v1.0.0")
    assert lines(team, name) == before, "nothing was done and nothing is said"


def test_i11_a_way_back_that_was_killed_leaves_a_line_when_it_is_carried_on(team: Team) -> None:
    """Killed where it had noted that it gives the name back, and had given nothing back yet."""
    coin = team.coin("gave")
    for release in ("v1.0.0", "v1.1.0"):
        team.deploy(coin, release)
    name = f"cq-{coin}-0002-prod"
    stack = team.stack(name)
    assert stack is not None
    of_id(team.means(coin).store, stack.rollout).mark(GIVING_BACK, datetime.now(UTC), "killed")
    team.must("rollback", coin, "--yes")
    assert told(team, name, "rollback") == [CARRIED_ON, "given back"]
    (carried,) = [line for line in lines(team, name) if line["result"] == CARRIED_ON]
    assert carried["detail"] == "no line tells when it was begun, no end was seen", "the deploy's begin is another's"
