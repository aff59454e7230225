"""What a sweep finds of each thing that an alert can be about: bad, good, or not to be told this time.

    outage       page     the live stack has no instance that serves
    degraded     warning  it has fewer that serve than it must have
    unjudged     warning  every instance of it is unknown: nobody can say
    unprotected  warning  a production stack's protection is off, also in a rollout
    filling      warning  a data volume of the live stack or of the way back will be full soon
    name         page     the public name does not answer with the live stack's commit, or leads to no stack of ours
    path         warning  the name answers, and something on the way to it is wrong
    certificate  warning  it ends soon; page: in less than 3 days
    way-back     warning  a rollback would not help
    monitor      warning  sweeps died, overlapped, did not reach every instance, or could not see where names lead
    region       page     the monitor of another region is not heard any more

A cause is told once: what a graver finding explains stands still (``bad`` is None) while that holds. What a stack of
role ``other`` does is nobody's alarm, but it is protected from its first second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from coinquery.monitor.outlook import NameOutlook, Outlook, StackOutlook
from coinquery.monitor.verdict import SERVING

Severity = Literal["warning", "page"]

#: What each kind of alert is called, of which subject.
TITLES = {
    "outage": "outage of {}",
    "degraded": "{} degraded",
    "unjudged": "{} can't be judged",
    "unprotected": "{} unprotected",
    "filling": "data volume of {} filling",
    "name": "no right answer from {}",
    "path": "fault on the way to {}",
    "certificate": "certificate of {} ends soon",
    "way-back": "no way back for {}",
    "monitor": "monitor of {} in trouble",
    "region": "monitor of {} is silent",
}
_OF_STACKS = ("outage", "degraded", "unjudged", "unprotected", "filling")
#: Days that a certificate has left: fewer are a warning, or a page.
CERTIFICATE_WARNING, CERTIFICATE_PAGE = 14, 3
#: Seconds within which another region's sweeps must be heard of.
HEARD_WITHIN = 300
#: How many instances or problems a sentence names, and the characters of each.
_NAMED, _LENGTH = 3, 220


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep found of one subject: a stack, a public name, or the monitor of a region.

    ``bad`` None is "it can't be told in this sweep". ``seen`` says what is wrong, ``left`` how things stand, ``do``
    what to do next; each is a sentence or two. A silence of one of the stacks in ``silenced_by`` silences it.
    """

    kind: str
    subject: str
    bad: bool | None
    left: str
    seen: str = ""
    do: str = ""
    severity: Severity = "warning"
    silenced_by: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its alert is known by, from sweep to sweep: ``outage:cq-eth-0001-prod``."""
        return f"{self.kind}:{self.subject}"


def title(key: str) -> str:
    """What the alert of that key is called."""
    kind, _, subject = key.partition(":")
    return TITLES.get(kind, f"{kind} of {{}}").format(subject)


def findings(outlook: Outlook) -> dict[str, Finding]:
    """Everything that a sweep found, by key."""
    stacks = {stack.stack: stack for stack in outlook.stacks}
    found = [_monitor(outlook), *map(_unprotected, outlook.stacks)]
    found += [_region(region, since, outlook.time) for region, since in outlook.silent.items()]
    found += [_filling(stack) for stack in outlook.stacks if stack.role != "other"]
    for stack in outlook.stacks:
        if stack.role == "live":
            found += _of_live(stack, _name_of(stack, outlook), stacks)
    bad = {finding.key for finding in found if finding.bad}
    for name in outlook.names:
        found += _of_name(name, stacks, bad)
    return {finding.key: finding for finding in found}


def gone(key: str, outlook: Outlook) -> str | None:
    """Why a sweep finds nothing of a key any more, in one sentence; None where nobody can tell."""
    if not outlook.complete:
        return None
    kind, _, subject = key.partition(":")
    if kind not in TITLES:
        return "The monitor has no such alert any more."
    if kind == "region":
        return f"{subject} is no region of production any more, or no sweep of it can be read."
    if kind not in _OF_STACKS:
        return f"The record of {subject} was withdrawn, or leads to another region, whose monitor tells of it."
    stack = next((stack for stack in outlook.stacks if stack.stack == subject), None)
    if stack is None:
        if any(name.stack == subject for name in outlook.names):
            return None
        return f"{subject} is gone: there is no such stack in {outlook.region} any more."
    name = next((name for name in outlook.names if name.coin == stack.coin), None)
    if name is None:
        return f"{subject} is not the live stack any more: no name leads to it in {outlook.region}."
    return f"{subject} is not the live stack any more: {name.name} leads to {name.stack or 'no stack of ours'} now."


def _of_live(stack: StackOutlook, name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> Iterator[Finding]:
    """What is found of how the live stack serves."""
    unjudged = bool(stack.instances) and all(instance.verdict == "unknown" for instance in stack.instances)
    look = f"`cq status {stack.stack}`"
    rollback, left, out = _rollback(name, stacks), _serving(stack), _not_serving(stack)
    whole = stack.serving >= max(1, stack.expected)

    def finding(kind: str, bad: bool | None, seen: str, do: str, severity: Severity = "warning") -> Finding:
        return Finding(
            kind=kind, subject=stack.stack, severity=severity, bad=bad, silenced_by=(stack.stack,),
            left=left, seen=seen, do=do,
        )  # fmt: skip

    outage = True if stack.is_outage else (None if stack.serving == 0 else False)
    yield finding("outage", outage, f"{name.name} leads to it. {out}", f"{rollback} Look: {look}.", "page")
    degraded = None if stack.is_outage or unjudged else not whole
    yield finding("degraded", degraded, out, f"Look: {look}. If it gets worse: {rollback}")
    yield finding("unjudged", unjudged, f"Nobody can say how it is. {out}", f"{look}; then the coin's references.")


def _of_name(name: NameOutlook, stacks: Mapping[str, StackOutlook], bad: set[str]) -> Iterator[Finding]:
    """What is found of a public name, where the keys ``bad`` are found of its stack."""
    certificate = _certificate(name)
    answer = _answer(name, f"outage:{name.stack}" in bad, _silencers(name, stacks))
    graver = f"outage:{name.stack}" in bad or bool(answer.bad)
    told = (f"unprotected:{name.stack}" in bad) + bool(certificate.bad)
    yield from (certificate, answer, _path(name, told, graver), _way_back(name, stacks))


def _unprotected(stack: StackOutlook) -> Finding:
    off = stack.unprotected
    return Finding(
        kind="unprotected",
        subject=stack.stack,
        bad=None if off is None else bool(off),
        silenced_by=(stack.stack,),
        left="Anybody with the rights can delete or update it." if off else "It has termination protection and policy.",
        seen=f"Off at this production stack: {', '.join(off or ())}.",
        do=f"`cq status {stack.stack}`; switch it on (docs/process.md, step 6); CloudTrail says who took it off.",
    )


def _filling(stack: StackOutlook) -> Finding:
    filling = [instance for instance in stack.instances if instance.verdict == "filling"]
    healthy = bool(stack.instances) and all(instance.verdict == "healthy" for instance in stack.instances)
    return Finding(
        kind="filling",
        subject=stack.stack,
        bad=True if filling else (False if healthy else None),
        silenced_by=(stack.stack,),
        left=_serving(stack),
        seen=_some(f"{instance.instance}: {instance.reason}" for instance in filling),
        do=f"Before it is full, deploy a stack with a larger one: volume_size of {stack.coin} in cq.toml.",
    )


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
        seen=_some(name.problems),
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
        seen=_some(name.problems),
        do=f"`cq dns show {name.coin}`",
    )


def _way_back(name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> Finding:
    """Stands still for what its stack's own findings tell, and where its instances are unknown."""
    back = stacks.get(name.way_back or "")
    serves = name.way_back is None or back is None or back.serving > 0
    told = back is not None and _told_elsewhere(back)
    problems = name.way_back_problems or (() if serves or back is None else (_not_serving(back),))
    unseen = (name.stack is None or _unseen(name)) and not problems
    return Finding(
        kind="way-back",
        subject=name.name,
        bad=None if told or unseen else bool(problems),
        silenced_by=(*_live(name), *(() if name.way_back is None else (name.way_back,))),
        left=f"A rollback of {name.name} would not help." if problems else _kept(name),
        seen=_some(problems),
        do=f"`cq status{'' if name.way_back is None else f' {name.way_back}'}`: mend it while {name.name} is well.",
    )


def _monitor(outlook: Outlook) -> Finding:
    troubles = [
        f"Sweeps that {what}: {len(sweeps)}: {_some(sweeps)}"
        for sweeps, what in ((outlook.died, "never ended"), (outlook.overlaps, "had not ended when this one began"))
        if sweeps
    ] + ([f"Instances not reached within the sweep's time: {outlook.unreached}."] if outlook.unreached else [])
    return Finding(
        kind="monitor",
        subject=outlook.region,
        bad=bool(troubles),
        left="What it does not see, it can't tell." if troubles else "Every sweep ends and reaches every instance.",
        seen=" ".join(troubles),
        do='docs/runbook.md, "The monitor is silent": what the function said last.',
    )


def _region(region: str, since: datetime, now: datetime) -> Finding:
    """Another region's monitor; its own alarm may be as dead as it is."""
    silent = (now - since).total_seconds()
    return Finding(
        kind="region",
        subject=region,
        severity="page",
        bad=silent > HEARD_WITHIN,
        left="Nobody looks at its stacks." if silent > HEARD_WITHIN else "Its sweeps are heard.",
        seen=f"The last sweep of {region} that was heard of ended at {since:%Y-%m-%d %H:%M:%S}Z.",
        do='docs/runbook.md, "The monitor is silent"; is the region itself in trouble? See the AWS health dashboard.',
    )


def _rollback(name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> str:
    """What a rollback of the name would do for it."""
    if name.way_back is None:
        return "There is no way back: mend it, or `cq deploy` the release that is wanted."
    back = stacks.get(name.way_back)
    if name.way_back_problems or (back is not None and back.serving == 0):
        return f"A rollback would not help: {name.way_back} does not serve as it must. Mend it."
    return f"`cq rollback {name.coin}`: {name.way_back} is the way back and in step."


def _serving(stack: StackOutlook) -> str:
    verb = "serves" if stack.serving == 1 else "serve"
    return f"{stack.serving} of {max(stack.expected, stack.serving)} instances {verb}."


def _not_serving(stack: StackOutlook) -> str:
    out = [f"{i.instance} is {i.verdict}: {i.reason}" for i in stack.instances if i.verdict not in SERVING]
    missing = stack.expected - len(stack.instances)
    return _some([*([f"missing: {missing} of {stack.expected} instances"] if missing > 0 else []), *out])


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


def _name_of(stack: StackOutlook, outlook: Outlook) -> NameOutlook:
    """The name that leads to a live stack; a nameless one, should the sweep know no more than that it is live."""
    nameless = NameOutlook(coin=stack.coin, name=f"the name of {stack.coin}", stack=stack.stack, answers=None)
    return next((name for name in outlook.names if name.stack == stack.stack), nameless)


def _some(texts: Iterable[str]) -> str:
    """The first few of the texts, each short enough to be read, as a sentence."""
    every = [text.rstrip(". ") for text in texts]
    shown = [text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…" for text in every[:_NAMED]]
    more = [f"and {len(every) - _NAMED} more"] * (len(every) > _NAMED)
    return f"{'; '.join([*shown, *more])}." if every else ""
