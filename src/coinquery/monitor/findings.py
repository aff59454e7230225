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

from datetime import datetime

from coinquery.monitor import name_findings, stack_findings
from coinquery.monitor.finding import Finding, some
from coinquery.monitor.outlook import NameOutlook, Outlook, StackOutlook

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
#: Seconds within which another region's sweeps must be heard of.
HEARD_WITHIN = 300


def title(key: str) -> str:
    """What the alert of that key is called."""
    kind, _, subject = key.partition(":")
    return TITLES.get(kind, f"{kind} of {{}}").format(subject)


def findings(outlook: Outlook) -> dict[str, Finding]:
    """Everything that a sweep found, by key."""
    stacks = {stack.stack: stack for stack in outlook.stacks}
    found = [_monitor(outlook), *map(stack_findings.unprotected, outlook.stacks)]
    found += [_region(region, since, outlook.time) for region, since in outlook.silent.items()]
    found += [stack_findings.filling(stack) for stack in outlook.stacks if stack.role != "other"]
    for stack in outlook.stacks:
        if stack.role == "live":
            found += stack_findings.of_live(stack, _name_of(stack, outlook), stacks)
    bad = {finding.key for finding in found if finding.bad}
    for name in outlook.names:
        found += name_findings.of_name(name, stacks, bad)
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


def _monitor(outlook: Outlook) -> Finding:
    troubles = [
        f"Sweeps that {what}: {len(sweeps)}: {some(sweeps)}"
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


def _name_of(stack: StackOutlook, outlook: Outlook) -> NameOutlook:
    """The name that leads to a live stack; a nameless one, should the sweep know no more than that it is live."""
    nameless = NameOutlook(coin=stack.coin, name=f"the name of {stack.coin}", stack=stack.stack, answers=None)
    return next((name for name in outlook.names if name.stack == stack.stack), nameless)
