"""Answers in pages of one element, the first of them empty, as AWS may give them: whoever reads one page sees nothing.

A page is cut out of the whole answer, which is asked for anew each time; its token says which element comes next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as Xml

from coinquery.local.calls import Answer, Call
from tests.chaos.proxy import Forward

TOKEN = "chaos-"
#: Operations of the query protocols: the list, the token that is given, the token that is taken.
_XML = {
    "DescribeStacks": ("Stacks", "NextToken", "NextToken"),
    "DescribeStackEvents": ("StackEvents", "NextToken", "NextToken"),
    "DescribeInstances": ("reservationSet", "nextToken", "NextToken"),
    "DescribeNetworkInterfaces": ("networkInterfaceSet", "nextToken", "NextToken"),
    "DescribeSnapshots": ("snapshotSet", "nextToken", "NextToken"),
    "DescribeLoadBalancers": ("LoadBalancers", "NextMarker", "Marker"),
    "DescribeTargetGroups": ("TargetGroups", "NextMarker", "Marker"),
}
#: Operations of the JSON protocols: the list and the token.
_JSON = {
    "GetParametersByPath": ("Parameters", "NextToken"),
    "FilterLogEvents": ("events", "nextToken"),
    "DescribeLogStreams": ("logStreams", "nextToken"),
    "DescribeImages": ("imageDetails", "nextToken"),
    "ListImages": ("imageIds", "nextToken"),
}


@dataclass
class Paged:
    """Gives every list a page at a time; ``met`` are the operations whose lists were cut."""

    met: set[tuple[str, str]] = field(default_factory=set)

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        if _names_its_elements(call):
            return await forward(call)
        if call.operation in _XML:
            answer = await self._xml(call, forward)
        elif call.operation in _JSON:
            answer = await self._json(call, forward)
        elif call.operation == "GetLogEvents":
            answer = await self._log(call, forward)
        elif call.operation == "ListResourceRecordSets":
            answer = await forward(_one_record(call))
        else:
            return await forward(call)
        self.met.add((call.service, call.operation))
        return answer

    async def _xml(self, call: Call, forward: Forward) -> Answer:
        name, given, taken = _XML[call.operation]
        parameters = call.parameters
        page = _page(parameters.pop(taken, ""))
        answer = await forward(call.with_parameters(parameters))
        if answer.status != 200:
            return answer
        root = answer.xml
        of = next((element for element in root.iter() if element.tag.endswith("}" + name)), None)
        if of is None:
            return answer
        elements = list(of)
        for number, element in enumerate(elements):
            if number != page - 1:
                of.remove(element)
        if page < len(elements):
            parent = next(element for element in root.iter() if of in list(element))
            Xml.SubElement(parent, of.tag.replace(name, given)).text = f"{TOKEN}{page + 1}"
        return replace(answer, body=Xml.tostring(root))

    async def _json(self, call: Call, forward: Forward) -> Answer:
        name, token = _JSON[call.operation]
        parameters = call.parameters
        page = _page(parameters.pop(token, ""))
        answer, elements = await _whole(call, parameters, forward, name, token)
        if answer.status != 200:
            return answer
        found = {**json.loads(answer.body), name: elements[page - 1 : page] if page else []}
        found.pop(token, None)
        if page < len(elements):
            found[token] = f"{TOKEN}{page + 1}"
        return answer.with_json(found)

    async def _log(self, call: Call, forward: Forward) -> Answer:
        """Its end is where the token stays the same; before it, pages may be empty ("GetLogEvents", API reference)."""
        parameters = call.parameters
        token = parameters.pop("nextToken", "")
        page, ahead = _page(token), parameters.get("startFromHead", False)
        answer = await forward(call.with_parameters({**parameters, "limit": 10_000}))
        if answer.status != 200:
            return answer
        events = json.loads(answer.body)["events"]
        shown = _event(events if ahead else events[::-1], page)
        following = f"{TOKEN}{page + 1}" if page <= len(events) else token
        return answer.with_json({"events": shown, "nextForwardToken": following, "nextBackwardToken": following})


def _names_its_elements(call: Call) -> bool:
    """Whether the call says which elements it wants: then AWS gives no pages."""
    if call.operation not in _XML.keys() | _JSON.keys():
        return False
    named = ("StackName", "imageIds", "InstanceId.", "SnapshotId.", "LoadBalancerArns.", "TargetGroupArns.", "Names.")
    wants_one = call.operation != "DescribeStackEvents"
    return wants_one and any(key.startswith(named) for key in call.parameters)


def _event(events: Sequence[Any], page: int) -> list[Any]:
    return list(events[page - 1 : page]) if page else []


def _page(token: str) -> int:
    """Which element a token means, from 1; 0, the empty page, where there is no token."""
    return int(token.removeprefix(TOKEN)) if token.startswith(TOKEN) else 0


async def _whole(
    call: Call, parameters: dict[str, Any], forward: Forward, name: str, token: str
) -> tuple[Answer, list[Any]]:
    elements: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        answer = await forward(call.with_parameters({**parameters, **more}))
        if answer.status != 200:
            return answer, []
        found = json.loads(answer.body)
        elements += found.get(name, [])
        if not found.get(token):
            return answer, elements
        more = {token: found[token]}


def _one_record(call: Call) -> Call:
    url = urlsplit(call.target)
    query = f"{url.query}&" if url.query else ""
    return replace(call, target=f"{url.path}?{query}{urlencode({'maxitems': 1})}")
