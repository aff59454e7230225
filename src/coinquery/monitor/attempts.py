"""Attempts on production: where AWS Lambda enters when somebody tries to delete, unprotect, update or stop it.

EventBridge hands over CloudTrail's event of each call in ``CALLS``, accepted or refused, seconds after it was made.
Whose stack was meant is looked up where the event does not say it; of what is not production nothing is told (I15).
Reads ``CQ_CONFIGURATION_PARAMETER``, ``CQ_TOPIC`` (the SNS topic of the team's pager) and Lambda's own ``AWS_REGION``.

Shapes of events: CloudTrail User Guide, "CloudTrail record contents". Request parameters are the API's own, their names
beginning in lower case. They are null in many refusals, and were always so for UpdateTerminationProtection.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coinquery import aws as clients
from coinquery import naming
from coinquery.aws import Aws
from coinquery.clock import SystemClock
from coinquery.errors import BadStackName, CoinQueryError, MonitorFailed
from coinquery.monitor import configuration
from coinquery.monitor.instances import NAME_PATTERN, TAG
from coinquery.notify import attempt_messages, pager
from coinquery.notify.announcer import Announcer
from coinquery.notify.attempt_messages import Attempt
from coinquery.stacks import stack as stacks
from coinquery.stacks.protection import DELETION_PROTECTION

if TYPE_CHECKING:
    from coinquery.clock import Clock

logger = logging.getLogger(__name__)

#: The calls that are attempts, by the service that takes them.
CALLS = {
    "autoscaling": (
        "DeleteAutoScalingGroup", "SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup", "UpdateAutoScalingGroup",
    ),
    "cloudformation": (
        "ContinueUpdateRollback", "CreateChangeSet", "DeleteStack", "ExecuteChangeSet", "SetStackPolicy", "UpdateStack",
        "UpdateTerminationProtection",
    ),
    "ec2": ("StopInstances", "TerminateInstances"),
    "elasticloadbalancing": ("DeleteLoadBalancer", "ModifyLoadBalancerAttributes"),
}  # fmt: skip
#: Services that do what somebody's own call of them set going; that call was told.
_CARRYING_OUT = ("autoscaling.amazonaws.com", "cloudformation.amazonaws.com")
_UNNAMED = "CloudTrail does not say which stack was meant; these have no termination protection now."
_REFUSED = "AWS refused it and does not say which stack was meant; it may have been none of production."
_INSTANCE = re.compile(r"(?<![a-z0-9-])i-[0-9a-f]{8,17}", re.ASCII)
#: Bounds of what is taken from an event: characters of a text, instances of a call (EC2 takes 1,000).
_LONGEST, _MOST = 500, 1000

_aws = Aws()


def handler(event: object, context: object) -> dict[str, Any]:  # noqa: ARG001
    """Tell of the attempt that an event is, if it is one; return ``{told}``.

    Raises MonitorFailed if nobody could be told, and what AWS raised if production could not be looked up: Lambda tries
    again. A malformed event is logged, since it would be no better the next time.
    """
    try:
        attempt = read(event)
    except ValueError as error:
        logger.warning("not an event of CloudTrail: %s: %.1000r", error, event)
        return {"told": False}
    region = os.environ["AWS_REGION"]
    found = None if attempt is None else look_up(attempt, _aws, region)
    if found is None:
        return {"told": False}
    logger.warning("%s, by %s", found.title, found.by)
    tell(found, _aws, region, SystemClock())
    return {"told": True}


def read(event: object) -> Attempt | None:
    """The attempt that an event tells of, as far as the event itself says; None if it is none on production.

    One that names neither stack nor instance may have been on any. Raises ValueError for what is no event of
    CloudTrail.
    """
    detail = _detail(event)
    name, request = _text(detail, "eventName"), _part(detail, "requestParameters")
    service = _text(detail, "eventSource").removesuffix(".amazonaws.com")
    if name not in CALLS.get(service, ()) or _protects(name, request):
        return None
    identity = _part(detail, "userIdentity")
    through = _text(identity, "invokedBy")
    if through in _CARRYING_OUT:
        return None
    instances = tuple(_instances(request))
    named = [_text(request, key) for key in ("stackName", "loadBalancerArn", "autoScalingGroupName")]
    stacks = _production(named)
    if not stacks and not instances and any(named):
        return None
    if not stacks and not instances:  # a refusal's reason may name what its request, which is left out, named
        reason = _text(detail, "errorMessage")
        stacks, instances = _production([reason]), tuple(dict.fromkeys(_INSTANCE.findall(reason)))
        if not stacks and _names_other(reason):
            return None
    by = _text(identity, "arn") or through or _text(identity, "principalId")
    return Attempt(
        call=name,
        stacks=stacks,
        instances=instances,
        change_set=_text(request, "changeSetName"),
        by=by or "CloudTrail does not say who",
        through="" if through == by else through,
        region=_text(detail, "awsRegion"),
        time=_text(detail, "eventTime"),
        address=_text(detail, "sourceIPAddress"),
        agent=_text(detail, "userAgent"),
        refusal=": ".join(filter(None, (_text(detail, "errorCode"), _text(detail, "errorMessage")))),
    )


def look_up(attempt: Attempt, aws: Aws, region: str) -> Attempt | None:
    """The attempt with the production stacks that it was on; None if it was on none."""
    found = attempt
    if attempt.stacks:
        return attempt
    if attempt.instances:
        found = _by_instances(attempt, aws, region)
    elif attempt.call == "ExecuteChangeSet":
        found = replace(attempt, stacks=_of_change_set(attempt.change_set, aws, region))
    elif attempt.call == "UpdateTerminationProtection":
        found = replace(attempt, stacks=_unprotected(aws, region), note=_UNNAMED)
    if not found.stacks and attempt.refusal and not attempt.instances:
        return replace(attempt, note=_REFUSED)
    return found if found.stacks else None


def tell(attempt: Attempt, aws: Aws, region: str, clock: Clock) -> None:
    """Tell the pager and Slack; one of them is enough. Raises MonitorFailed if it is neither."""
    paged = pager.publish(aws.sns(region), os.environ["CQ_TOPIC"], *attempt_messages.pager(attempt))
    problems = [problem for problem in (paged, _tell_slack(attempt, aws, region, clock)) if problem]
    for problem in problems:
        logger.warning("%s", problem)
    if len(problems) == 2:
        raise MonitorFailed(f"nobody was told: {'; '.join(problems)}", "Mend topic or webhook; Lambda tries again.")


def _tell_slack(attempt: Attempt, aws: Aws, region: str, clock: Clock) -> str:
    """Post; return the problem, ``""`` if there is none."""
    from botocore.exceptions import BotoCoreError, ClientError

    parameter = os.environ.get("CQ_CONFIGURATION_PARAMETER", configuration.PARAMETER)
    try:
        settings = configuration.read(aws.ssm(region), parameter)
    except (BotoCoreError, ClientError, CoinQueryError) as error:
        return f"the monitor's configuration: {error}"
    announcer = Announcer(settings.webhook or None, aws, settings.home or region, clock)
    return announcer.tell(attempt_messages.attempt(attempt)).problem


def _detail(event: object) -> Mapping[str, Any]:
    detail = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(detail, dict):
        raise ValueError("it has no detail")
    if not _text(detail, "eventName") or not _text(detail, "eventSource"):
        raise ValueError("its detail names no call")
    return detail


def _text(mapping: Mapping[str, Any], key: str) -> str:
    """A member as one short line of what can be shown; ``""`` where it is missing or no text."""
    value = mapping.get(key)
    if not isinstance(value, str):
        return ""
    shown = "".join(character if character.isprintable() else " " for character in value[: 2 * _LONGEST])
    return " ".join(shown.split())[:_LONGEST]


def _part(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, dict) else {}


def _list(mapping: Mapping[str, Any], key: str) -> list[Any]:
    value = mapping.get(key)
    return value[:_MOST] if isinstance(value, list) else []


def _protects(name: str, request: Mapping[str, Any]) -> bool:
    """Whether the call takes no protection away although its kind can."""
    if name == "UpdateTerminationProtection":
        return request.get("enableTerminationProtection") in (True, "true")
    if name == "ModifyLoadBalancerAttributes" and request:
        pairs = [(_text(each, "key"), each.get("value")) for each in _list(request, "attributes") if _is_dict(each)]
        return (DELETION_PROTECTION, "false") not in pairs
    return False


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _instances(request: Mapping[str, Any]) -> Iterator[str]:
    """The ids in a request of EC2 (``instancesSet``) or Auto Scaling (``instanceId``, ``instanceIds``)."""
    named = [each.get("instanceId") for each in _list(_part(request, "instancesSet"), "items") if _is_dict(each)]
    for text in (*named, request.get("instanceId"), *_list(request, "instanceIds")):
        if isinstance(text, str) and _INSTANCE.fullmatch(text):
            yield text


def _production(texts: Iterable[str]) -> tuple[str, ...]:
    """The production stacks that texts name: by name, as part of an ARN, or by a load balancer's name."""
    words = (word.removesuffix(naming.INTERNAL_SUFFIX) for text in texts for word in re.split(r"[^A-Za-z0-9-]+", text))
    return tuple(dict.fromkeys(word for word in words if _is_production(word)))


def _names_other(text: str) -> bool:
    """Whether a text names a stack or a load balancer, and none of production."""
    return bool(re.search(r":(stack|loadbalancer|autoScalingGroup)[:/]", text)) and not _production([text])


def _is_production(name: str) -> bool:
    try:
        return naming.parse(name).is_production
    except BadStackName:
        return False


def _by_instances(attempt: Attempt, aws: Aws, region: str) -> Attempt:
    """Only those of its instances that are production's, whatever their state is by now."""
    filters = [{"Name": "tag:Name", "Values": [NAME_PATTERN]}]
    stacks: dict[str, str] = {}
    for reservation in clients.pages(aws.ec2(region), "describe_instances", "Reservations", Filters=filters):
        for described in reservation.get("Instances", ()):
            tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
            name = tags.get(TAG + "stack", "")
            if described["InstanceId"] in attempt.instances and tags.get("Name") == name and _is_production(name):
                stacks[described["InstanceId"]] = name
    return replace(attempt, instances=tuple(stacks), stacks=tuple(sorted(set(stacks.values()))))


def _of_change_set(arn: str, aws: Aws, region: str) -> tuple[str, ...]:
    """The production stack of a change set. Its role lets the function see no others; one that is gone is none."""
    from botocore.exceptions import ClientError

    if not arn:
        return ()
    try:
        return _production([aws.cloudformation(region).describe_change_set(ChangeSetName=arn)["StackName"]])
    except ClientError as error:
        if clients.code(error) in ("AccessDenied", "ChangeSetNotFound"):
            return ()
        raise


def _unprotected(aws: Aws, region: str) -> tuple[str, ...]:
    """The production stacks that nothing keeps from being deleted."""
    found = stacks.read_all(aws.cloudformation(region))
    return tuple(str(stack.name) for stack in found if stack.name.is_production and not stack.protected)
