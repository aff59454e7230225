"""EC2's pages of instances, read without what the monitor does not need of them.

EC2 can't be asked for less than all that it knows of an instance, some 10 kB of XML, and botocore makes objects of it
all: for a large fleet that is most of a sweep's processor time. While a client is ``lean``, expat reads the few members
that are needed, of pages from which the largest others are cut, and botocore is handed those.

Cutting is sound where ``<`` begins a tag and nothing else, as it does in XML without comments and CDATA sections; texts,
such as the values of tags, can't hold one. A page that is not as expected is left to botocore as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.parsers import expat

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

#: botocore's event between the arrival of an answer and its reading.
_EVENT = "before-parse.ec2.DescribeInstances"
_ROOT = "DescribeInstancesResponse"
_INSTANCE = [_ROOT, "reservationSet", "item", "instancesSet", "item"]
_STATE = [*_INSTANCE, "instanceState"]
#: What is read, by its name: where it stands, and what it is called in botocore's answer.
_READ = {
    "nextToken": ([_ROOT], "NextToken"),
    "instanceId": (_INSTANCE, "InstanceId"),
    "launchTime": (_INSTANCE, "LaunchTime"),
    "privateIpAddress": (_INSTANCE, "PrivateIpAddress"),
    "tagSet": (_INSTANCE, "Tags"),
    "name": (_STATE, "State"),
}
#: A third of a page, and not read.
_UNREAD = ("networkInterfaceSet", "blockDeviceMapping")
_TAG = re.compile(rb"<item>\s*<key>([^<]*)</key>\s*<value(?:/>|>([^<]*)</value>)\s*</item>")


@contextmanager
def lean(ec2: EC2Client) -> Iterator[None]:
    """While it is open, ``describe_instances`` tells id, launch time, private address, state and tags, and no more."""
    ec2.meta.events.register(_EVENT, _on_answer)
    try:
        yield
    finally:
        ec2.meta.events.unregister(_EVENT, _on_answer)


def _on_answer(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take the page out of botocore's hands, if it can be read here."""
    if response_dict["status_code"] == 200:
        try:
            customized_response_dict |= read(response_dict["body"])
        except (expat.ExpatError, ElementTree.ParseError, ValueError):
            return
        response_dict["body"] = f"<{_ROOT}/>".encode()


def read(page: bytes) -> dict[str, Any]:
    """``Reservations`` and, if there is one, ``NextToken``, as botocore gives them, though with one reservation for all.

    Raises ExpatError, ParseError or ValueError for a page that is not as expected.
    """
    if b"<!" in page:
        raise ValueError("there may be a comment or a CDATA section in it")
    for name in _UNREAD:
        page, _ = _cut(page, name)
    page, tags = _cut(page, "tagSet")
    instances: list[dict[str, Any]] = []
    answer: dict[str, Any] = {"Reservations": [{"Instances": instances}]}
    for member, text in _members(page):
        if member == "":
            instances.append({"Tags": []})
        elif member == "NextToken":
            answer[member] = text
        ...
    return answer
