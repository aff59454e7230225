"""What a sweep finds of a stack: whether it serves, is protected, and has room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coinquery.monitor.finding import Finding, Severity, not_serving, serving, some
from coinquery.monitor.outlook import NameOutlook, StackOutlook


def of_live(stack: StackOutlook, name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> Iterator[Finding]:
    """What is found of how the live stack serves."""
    unjudged = bool(stack.instances) and all(instance.verdict == "unknown" for instance in stack.instances)
    look = f"`cq status {stack.stack}`"
    rollback, left, out = _rollback(name, stacks), serving(stack), not_serving(stack)
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


def unprotected(stack: StackOutlook) -> Finding:
    """Whether it has what it was created with; every production stack, from its first second (I5)."""
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


def filling(stack: StackOutlook) -> Finding:
    """Whether a data volume of it will be full soon."""
    full_soon = [instance for instance in stack.instances if instance.verdict == "filling"]
    healthy = bool(stack.instances) and all(instance.verdict == "healthy" for instance in stack.instances)
    return Finding(
        kind="filling",
        subject=stack.stack,
        bad=True if full_soon else (False if healthy else None),
        silenced_by=(stack.stack,),
        left=serving(stack),
        seen=some(f"{instance.instance}: {instance.reason}" for instance in full_soon),
        do=f"Before it is full, deploy a stack with a larger one: volume_size of {stack.coin} in cq.toml.",
    )


def _rollback(name: NameOutlook, stacks: Mapping[str, StackOutlook]) -> str:
    """What a rollback of the name would do for it."""
    if name.way_back is None:
        return "There is no way back: mend it, or `cq deploy` the release that is wanted."
    back = stacks.get(name.way_back)
    if name.way_back_problems or (back is not None and back.serving == 0):
        return f"A rollback would not help: {name.way_back} does not serve as it must. Mend it."
    instances = () if back is None else back.instances
    unproven = next((each for each in instances if each.verdict != "healthy"), None)
    if unproven is not None:
        return (
            f"`cq rollback {name.coin}` waits until {name.way_back} is healthy: {unproven.instance} is "
            f"{unproven.verdict}. It serves; without proof, move the name by hand (docs/process.md, way back)."
        )
    return f"`cq rollback {name.coin}`: {name.way_back} is the way back and in step."
