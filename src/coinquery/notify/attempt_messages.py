"""What the team is told of an attempt on production: for Slack, and in plain words for the pager."""

from __future__ import annotations

from dataclasses import dataclass

from coinquery.notify.blocks import context, escape, fields, header, section
from coinquery.notify.messages import Message

#: What each call of the AWS API does, as people say it.
DEEDS = {
    "ContinueUpdateRollback": "continue the rollback of an update",
    "CreateChangeSet": "prepare an update",
    "DeleteAutoScalingGroup": "delete the Auto Scaling group",
    "DeleteLoadBalancer": "delete a load balancer",
    "DeleteStack": "delete the stack",
    "ExecuteChangeSet": "update the stack by a change set",
    "ModifyLoadBalancerAttributes": "take the deletion protection off a load balancer",
    "SetDesiredCapacity": "change the number of instances",
    "SetStackPolicy": "change the stack policy",
    "StopInstances": "stop instances",
    "TerminateInstanceInAutoScalingGroup": "terminate instances",
    "TerminateInstances": "terminate instances",
    "UpdateAutoScalingGroup": "change the Auto Scaling group",
    "UpdateStack": "update the stack",
    "UpdateTerminationProtection": "change the termination protection",
}


@dataclass(frozen=True)
class Attempt:
    """A call of the AWS API on production, as CloudTrail tells it.

    ``call`` is a key of DEEDS, ``instances`` are the ids that it named, ``by`` is the caller's ARN, ``through`` the AWS
    service that made the call for the caller (``""`` if none). ``refusal`` is AWS's reason, ``""`` if it accepted the
    call. ``change_set`` is the name or ARN of the change set in question. ``note`` is one sentence on what CloudTrail
    left out.
    """

    call: str
    stacks: tuple[str, ...]
    by: str
    region: str
    time: str
    instances: tuple[str, ...] = ()
    change_set: str = ""
    through: str = ""
    address: str = ""
    agent: str = ""
    refusal: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """What was tried, on what, and what AWS made of it."""
        outcome = "REFUSED" if self.refusal else "ACCEPTED"
        return f"Production: {', '.join(self.stacks) or 'a stack unnamed'}: {DEEDS[self.call]}: {outcome}"


def attempt(told: Attempt) -> Message:
    """The message to Slack."""
    pairs = [(label, escape(value)) for label, value in _facts(told)]
    blocks = [header(told.title), fields(pairs)]
    if told.refusal:
        blocks.append(section(f"AWS refused it: {told.refusal}"))
    blocks.append(context([escape(text) for text in _small_print(told)]))
    return {"text": escape(f"{told.title}, by {told.by}", 1000), "blocks": blocks}


def pager(told: Attempt) -> tuple[str, str]:
    """Subject and text for the pager."""
    lines = [told.title, "", *(f"{label}: {value}" for label, value in _facts(told))]
    if told.refusal:
        lines.append(f"AWS refused it: {told.refusal}")
    return told.title, "\n".join([*lines, "", *_small_print(told)])


def _facts(told: Attempt) -> list[tuple[str, str]]:
    pairs = [
        ("Who", told.by),
        ("Through", told.through),
        ("Call", told.call),
        ("Instances", ", ".join(told.instances)),
        ("Change set", told.change_set),
        ("Region", told.region),
        ("Time", told.time),
        ("From", told.address),
        ("With", told.agent),
    ]
    return [(label, value) for label, value in pairs if value]


def _small_print(told: Attempt) -> list[str]:
    look = "; ".join(f"cq status {stack}" for stack in told.stacks[:3]) or "cq ls"
    return [*([told.note] if told.note else []), f"Nobody announced it? Ask who is named above. What stands: {look}"]
