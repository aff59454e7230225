"""What Parameter Store, CloudWatch, Route 53 and ECR refuse, drop or bound, and ministack does not."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from urllib.parse import urlsplit

from coinquery.aws import Aws
from coinquery.local import zones
from coinquery.local.calls import Answer, Call, Proceed

IMAGE_PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
IMAGE_ID = "ami-0ec50a12023000001"
LOG_AHEAD, LOG_BEHIND = 2 * 3600, 14 * 86400
#: Bounds: events of a PutLogEvents, characters of a standard parameter, parameters of a page.
MOST_EVENTS, LONGEST_VALUE, LONGEST_PAGE = 10_000, 4096, 10


async def record_sets(aws: Aws, proceed: Proceed, call: Call) -> Answer:
    """Names lie inside their zone; simple and weighted sets of one name and type can't stand together."""
    problem = await asyncio.to_thread(zones.problem, aws.route53(), call)
    return call.refuse("InvalidChangeBatch", f"[{problem}]") if problem else await proceed(call)


async def alias_ttl(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """The TTL of an alias is its target's: none can be set."""
    problem = zones.alias_with_ttl(call.body)
    return call.refuse("InvalidInput", problem) if problem else await proceed(call)


_changing: set[str] = set()


async def one_change_at_a_time(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """While Route 53 works on a change of a zone, it takes no other of that zone."""
    zone = urlsplit(call.target).path.split("/hostedzone/")[1].split("/")[0]
    if zone in _changing:
        said = "The request was rejected because Route 53 was still processing a prior request."
        return call.refuse("PriorRequestNotComplete", said)
    _changing.add(zone)
    try:
        return await proceed(call)
    finally:
        _changing.discard(zone)


async def log_events_in_order(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """The events of a ``PutLogEvents`` are in order of their times, and at most 10,000."""
    times = [event["timestamp"] for event in call.parameters["logEvents"]]
    if times != sorted(times):
        said = "Log events in a single PutLogEvents request must be in chronological order."
        return call.refuse("InvalidParameterException", said)
    if len(times) > MOST_EVENTS:
        said = "Member must have length less than or equal to 10000"
        return call.refuse("InvalidParameterException", f"Value at 'logEvents' failed to satisfy constraint: {said}")
    return await proceed(call)


async def parameter_size(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """A standard parameter holds 4 KB."""
    parameters = call.parameters
    if parameters.get("Tier", "Standard") == "Standard" and len(str(parameters.get("Value", ""))) > LONGEST_VALUE:
        said = f"Standard tier parameters support a maximum parameter value of {LONGEST_VALUE} characters."
        return call.refuse("ValidationException", said)
    return await proceed(call)


async def parameters_a_page(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``GetParametersByPath`` gives 10 a page at most."""
    if call.parameters.get("MaxResults", LONGEST_PAGE) > LONGEST_PAGE:
        said = "Member must have value less than or equal to 10"
        return call.refuse("ValidationException", f"Value at 'maxResults' failed to satisfy constraint: {said}")
    return await proceed(call)


async def log_events_in_time(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``PutLogEvents`` drops events more than 2 h ahead or too old with status 200."""
    parameters = call.parameters
    times = [event["timestamp"] / 1000 - time.time() for event in parameters["logEvents"]]
    old, new = sum(t < -LOG_BEHIND for t in times), sum(t > LOG_AHEAD for t in times)
    if not old and not new:
        return await proceed(call)
    kept = parameters["logEvents"][old : len(times) - new]
    answer = await proceed(call.with_parameters({**parameters, "logEvents": kept}))
    rejected = {"tooOldLogEventEndIndex": old} if old else {}
    rejected |= {"tooNewLogEventStartIndex": len(times) - new} if new else {}
    return answer.with_json({**json.loads(answer.body), "rejectedLogEventsInfo": rejected})


async def metric_namespaces(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """Metric namespaces that begin ``AWS/`` are Amazon's own."""
    if str(call.parameters.get("Namespace", "")).startswith("AWS/"):
        return call.refuse("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
    return await proceed(call)


async def image_parameter(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """The current ECS image is a public SSM parameter."""
    answer, parameters = await proceed(call), call.parameters
    arn = f"arn:aws:ssm:{call.region}::parameter{IMAGE_PARAMETER}"
    image = {"Name": IMAGE_PARAMETER, "Type": "String", "Value": IMAGE_ID, "Version": 1, "ARN": arn, "DataType": "text"}
    if parameters.get("Name") == IMAGE_PARAMETER:
        return replace(answer, status=200).with_json({"Parameter": image})
    if answer.status != 200 or IMAGE_PARAMETER not in parameters.get("Names", ()):
        return answer
    found = json.loads(answer.body)
    invalid = [name for name in found["InvalidParameters"] if name != IMAGE_PARAMETER]
    return answer.with_json({"Parameters": [*found["Parameters"], image], "InvalidParameters": invalid})


async def images_by_id(_: Aws, proceed: Proceed, call: Call) -> Answer:
    """``DescribeImages`` of an image that is not there is an error, not an empty list (ECR's API reference)."""
    answer = await proceed(call)
    if call.parameters.get("imageIds") and not json.loads(answer.body).get("imageDetails", True):
        return call.refuse("ImageNotFoundException", "The image with the given imageId does not exist")
    return answer
