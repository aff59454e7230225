"""What a sweep finds of a public name: its answer, the way to it, its certificate, its way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coinquery.monitor.finding import Finding, not_serving, some
from coinquery.monitor.outlook import NameOutlook, StackOutlook
from coinquery.monitor.verdict import SERVING

#: Days that a certificate has left: fewer are a warning, or a page.
CERTIFICATE_WARNING, CERTIFICATE_PAGE = 14, 3


def of_name(name: NameOutlook, stacks: Mapping[str, StackOutlook], bad: set[str]) -> Iterator[Finding]:
    """What is found of a public name, where the keys ``bad`` are found of its stack."""
    certificate = _certificate(name)
    answer = _answer(name, f"outage:{name.stack}" in bad, _silencers(name, stacks))
    graver = f"outage:{name.stack}" in bad or bool(answer.bad)
    told = (f"unprotected:{name.stack}" in bad) + bool(certificate.bad)
    yield from (certificate, answer, _path(name, told, graver), _way_back(name, stacks))


def _certificate(name: NameOutlook) -> Finding:
    days = name.certificate_days
    return Finding(
        kind="certificate",
        subject=name.name,
        severity="page" if days is not None and days < CERTIFICATE_PAGE else "warning",
        bad=None if days is None else days < CERTIFICATE_WARNING,
        silenced_by=_live(name),
        left=f"Days left: {days}.",
        seen="Past its end no client connects. ACM renews 60 days before the end, so its renewal has failed.",
        do="See in ACM, in the stack's region, why it was not renewed.",
    )


def _answer(name: NameOutlook, outage: bool, silenced_by: tuple[str, ...]) -> Finding:
    """An outage of the live stack explains whatever is answered."""
    right = f"{name.name} leads to {name.stack} and answers with its commit."
    wrong = f"{name.name} {'leads to no stack of ours' if name.stack is None else f'does not answer as {name.stack}'}."
    known = None if name.answers is None else not name.answers
    astray = name.stack is None and bool(name.problems)
    return Finding(
        kind="name",
        subject=name.name,
        severity="page",
        bad=None if outage else astray or known,
        silenced_by=silenced_by,
        left=right if name.answers else wrong,
        seen=some(name.problems),
        do=f'`cq dns show {name.coin}`, then docs/runbook.md, "The name answers nothing, or the wrong thing".',
    )


def _path(name: NameOutlook, told: int, graver: bool) -> Finding:
    """``told`` of the name's problems are told by findings of their own, all of them by a ``graver`` one."""
    return Finding(
        kind="path",
        subject=name.name,
        bad=None if graver or _unseen(name) else len(name.problems) > told,
        silenced_by=_live(name),
        left=f"{name.name} {'answers with the right commit' if name.answers else 'could not be asked'}.",
        seen=some(name.problems),
        do=f"`cq dns show {name.coin}`",
    )


def _way_back(name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> Finding:
    """Stands still for what its stack's own findings tell, and where its instances are unknown."""
    back = stacks.get(name.way_back or "")
    serves = name.way_back is None or back is None or back.serving > 0
    told = back is not None and _told_elsewhere(back)
    problems = name.way_back_problems or (() if serves or back is None else (not_serving(back),))
    unseen = (name.stack is None or _unseen(name)) and not problems
    return Finding(
        kind="way-back",
        subject=name.name,
        bad=None if told or unseen else bool(problems),
        silenced_by=(*_live(name), *(() if name.way_back is None else (name.way_back,))),
        left=f"A rollback of {name.name} would not help." if problems else _kept(name),
        seen=some(problems),
        do=f"`cq status{'' if name.way_back is None else f' {name.way_back}'}`: mend it while {name.name} is well.",
    )


def _told_elsewhere(stack: StackOutlook) -> bool:
    """Whether all its instances are there and serve, or are unknown, and its own findings tell what else is wrong."""
    verdicts = [instance.verdict for instance in stack.instances]
    calm = len(verdicts) >= stack.expected and all(verdict in (*SERVING, "unknown") for verdict in verdicts)
    return calm and any(verdict != "healthy" for verdict in verdicts)


def _kept(name: NameOutlook) -> str:
    return "It has none, and needs none." if name.way_back is None else f"{name.way_back} is a way back, in step."


def _live(name: NameOutlook) -> tuple[str, ...]:
    return () if name.stack is None else (name.stack,)


def _silencers(name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> tuple[str, ...]:
    """The stacks of which a silence silences the name: the live one; where none is, any of the coin's."""
    return _live(name) or tuple(stack.stack for stack in stacks.values() if stack.coin == name.coin)


def _unseen(name: NameOutlook) -> bool:
    """Whether the name could not be looked at in this sweep."""
    return name.answers is None and not name.problems
