"""What one run tells the journal of one stack: a line before each change, and one at its end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coinquery.aws import explain
from coinquery.errors import CoinQueryError, NotFinished, Refused
from coinquery.stacks.journal import BEGINS, CARRIED_ON, DONE, FAILED, NOT_FINISHED, REFUSED, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coinquery.stacks.journal import Journal

#: How many of a stack's newest lines are looked through for what others began and did not end.
LOOKED_AT = 100


class Chapter:
    """The lines of one run and one stack.

    Before a change: ``begins``, or ``carried on`` where the journal has another run's beginning of it without an end.
    After it: ``done``, ``failed``, ``refused`` or ``not finished``. The journal is read to say "carried on" and for
    nothing else: a line that comes late is told late, and one that can't be read is not told.

    ``stack`` and ``rollout`` are asked when a line is written: a run may learn them on its way.
    """

    def __init__(self, journal: Journal, stack: Callable[[], object], rollout: Callable[[], str], why: str) -> None:
        self._journal = journal
        self._stack = stack
        self._rollout = rollout
        self._why = why
        self._open: set[str] = set()
        self._ended: set[str] = set()
        self._known: dict[str, list[Line]] | None = None

    def reach(self, what: str) -> None:
        """Come to a change: say so if another run began it and wrote no end."""
        if what in self._open or what in self._ended:
            return
        self._reopen(what)

    def carry_on(self, whole: str) -> None:
        """Say of a run as a whole, of several changes, that another run began it and wrote no end.

        A rollout has the lines of its deploy and of its way back: those of this command tell when it was begun.
        """
        lines = [line for lines in self._told().values() for line in lines if line.why == self._why]
        first = min(lines, key=lambda line: line.time, default=None)
        begun = "no line tells when it was begun" if first is None else f"begun at {first.time} by {first.who}"
        if not self._try(whole, CARRIED_ON, f"{begun}, no end was seen"):
            self._open.add(whole)

    def begin(self, what: str, detail: str) -> None:
        """Say that a change begins. Raises what keeps the line from being written: then nothing may be changed."""
        if what not in self._open:
            self._write(what, BEGINS, detail)
            self._open.add(what)

    def hold(self, what: str, detail: str, result: str = DONE) -> str:
        """Come to the end of a change, whoever made it; return why the journal does not have its line, if so."""
        fresh = self._known is None
        self.reach(what)
        if what not in self._open | self._ended and not fresh and not self._is_ended(what):
            self._known = self._look()
            self._reopen(what)
        if what not in self._open:
            return ""
        self._open.discard(what)
        self._ended.add(what)
        return self._try(what, result, detail)

    def stop(self, what: str, error: BaseException) -> None:
        """Say why a change that was begun did not come to its end."""
        self.close(what, *_outcome(error))

    def once(self, what: str, result: str, detail: str) -> None:
        """Say that something holds, unless the journal has it and this run did not carry it on.

        Raises what keeps the line from being written.
        """
        if what in self._open or not any(line.result == result for line in self._lines(what)):
            self._write(what, result, detail)
            self._open.discard(what)

    def close(self, what: str, result: str, detail: str) -> None:
        """Say how something ended that this run began or carried on; nothing of what it did not."""
        if what in self._open:
            self._open.discard(what)
            self._try(what, result, detail)

    @contextmanager
    def stopping(self, what: str) -> Iterator[None]:
        """If the block stops, say why, of what was begun."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            self.stop(what, error)
            raise

    @contextmanager
    def change(self, what: str, detail: str = "") -> Iterator[None]:
        """A change that is no step: its lines before and after the block."""
        self.reach(what)
        self.begin(what, detail)
        with self.stopping(what):
            yield
        self.hold(what, detail)

    def _reopen(self, what: str) -> None:
        begun, last = None, None
        for line in self._lines(what):
            last = line
            if line.result == BEGINS:
                begun = line
        if last is None or _ends(last):
            return
        since = begun or last
        seen = "no end was seen" if last.result in (BEGINS, CARRIED_ON) else f"{last.result} at {last.time}"
        if not self._try(what, CARRIED_ON, f"begun at {since.time} by {since.who}, {seen}"):
            self._open.add(what)

    def _is_ended(self, what: str) -> bool:
        lines = self._lines(what)
        return bool(lines) and _ends(lines[-1])

    def _lines(self, what: str) -> list[Line]:
        return self._told().get(what, [])

    def _told(self) -> dict[str, list[Line]]:
        """What was written before, read when it is first asked for."""
        if self._known is None:
            self._known = self._look()
        return self._known

    def _look(self) -> dict[str, list[Line]]:
        """What this rollout's runs wrote before; whatever keeps it from being read counts as nothing written."""
        told: dict[str, list[Line]] = {}
        rollout = self._rollout()
        try:
            lines = self._journal.newest(self._stack(), LOOKED_AT)
        except Exception as error:
            _explained(error)
            return told
        for line in lines:
            if line.rollout == rollout:
                told.setdefault(line.what, []).append(line)
        return told

    def _try(self, what: str, result: str, detail: str) -> str:
        try:
            self._write(what, result, detail)
        except Exception as error:
            cause = _explained(error)
            return f"the journal lacks the line {what!r}, {result!r}: {cause.what}. {cause.remedy}"
        return ""

    def _write(self, what: str, result: str, detail: str) -> None:
        self._journal.write(self._stack(), what, result, self._rollout(), detail, self._why)


def _ends(line: Line) -> bool:
    """Whether nothing is left of the change. One that failed may have taken effect; one that was refused did not."""
    return line.result not in (BEGINS, CARRIED_ON, FAILED, NOT_FINISHED)


def _outcome(error: BaseException) -> tuple[str, str]:
    if isinstance(error, KeyboardInterrupt):
        return NOT_FINISHED, "stopped by Ctrl-C"
    known = error if isinstance(error, CoinQueryError) else explain(error) if isinstance(error, Exception) else None
    if isinstance(known, NotFinished):
        return NOT_FINISHED, known.what
    return REFUSED if isinstance(known, Refused) else FAILED, known.what if known else type(error).__name__


def _explained(error: Exception) -> CoinQueryError:
    """What AWS, or cq itself, says of an error; any other goes on."""
    known = error if isinstance(error, CoinQueryError) else explain(error)
    if known is None:
        raise error
    return known
