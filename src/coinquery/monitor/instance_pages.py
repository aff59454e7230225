"""EC2's pages of instances, read without what the monitor does not need of them.

EC2 can't be asked for less than all that it knows of an instance, some 10 kB of XML, and botocore makes objects of it
all: for a large fleet that is most of a sweep's processor time. While a client is ``lean``, the few members that are
needed are found in the text of a page, and botocore is handed those.

That is sound in XML without comments and CDATA sections: there ``<`` begins a tag and nothing else, since no text, such
as the value of a tag, can hold one. So an element is where its name stands in ``<>``. It is the instance's own if the
tags before it close as much as they open. What surrounds the instances, and a text with references, is read by a whole
parser. A page that is not as expected is left to botocore as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

#: botocore's event between the arrival of an answer and its reading.
_EVENT = "before-parse.ec2.DescribeInstances"
_ROOT = "DescribeInstancesResponse"
_INSTANCE = re.compile(r"<item>\s*<instanceId>([^<]*)</instanceId>")
_STATE = re.compile(r"\s*<code>[^<]*</code>\s*<name>([^<]*)</name>\s*")
_TAG = re.compile(r"<item>\s*<key>([^<]*)</key>\s*<value(?:/>|>([^<]*)</value>)\s*</item>")


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
        except (ElementTree.ParseError, ValueError):
            return
        response_dict["body"] = f"<{_ROOT}/>".encode()


def read(page: bytes) -> dict[str, Any]:
    """What botocore would answer, cut to what is read, and with one reservation for all instances.

    Raises ParseError or ValueError for a page that is not as expected.
    """
    if b"<!" in page:
        raise ValueError("there may be a comment or a CDATA section in it")
    outline, sets = _cut(page, b"instancesSet")
    root = ElementTree.fromstring(outline)  # noqa: S314 - as botocore does
    space = root.tag.removesuffix(_ROOT)
    numbers = [found.text for found in root.iterfind(f"{space}reservationSet/{space}item/{space}instancesSet")]
    instances = [instance for number in numbers if number for instance in _instances(sets[int(number)].decode())]
    token = root.findtext(f"{space}nextToken")
    return {"Reservations": [{"Instances": instances}]} | ({} if token is None else {"NextToken": token})


def _cut(page: bytes, name: bytes) -> tuple[bytes, list[bytes]]:
    """The page with the number of each element of that name in place of what it holds, and what they hold.

    Should an element hold another of its name, what is left is no XML.
    """
    begin, end = b"<%b>" % name, b"</%b>" % name
    first, *others = page.split(begin)
    held, rest = [], [first]
    for number, other in enumerate(others):
        content, _, following = other.partition(end)
        held.append(content)
        rest += [begin, b"%d" % number, end, following]
    return b"".join(rest), held


def _instances(xml: str) -> Iterator[dict[str, Any]]:
    """The instances of a set as botocore describes them."""
    _, *found = _INSTANCE.split(xml)
    if 2 * xml.count("<instanceId") != len(found):
        raise ValueError("an instance does not begin with its id")
    for name, members in zip(found[::2], found[1::2], strict=True):
        state = _STATE.fullmatch(_member(members, "instanceState"))
        if state is None:
            raise ValueError("an instance without a state")
        yield {
            "InstanceId": _text(name),
            "LaunchTime": _moment(_member(members, "launchTime")),
            "State": {"Name": _text(state[1])},
            "PrivateIpAddress": _text(_member(members, "privateIpAddress")),
            "Tags": _tags(_member(members, "tagSet")),
        }


def _member(members: str, name: str) -> str:
    """What the instance's own member of that name holds; ``""`` if there is none, or an empty one.

    Raises ValueError if it can't be told from another member's.
    """
    begin, end = f"<{name}>", f"</{name}>"
    at = members.find(begin)
    if at < 0:
        return ""
    tags = members.count("<", 0, at)
    if tags != 2 * members.count("</", 0, at) + members.count("/>", 0, at) or tags != members.count(">", 0, at):
        raise ValueError(f"{name} within another member")
    content = members[at + len(begin) : members.index(end, at)]
    if begin in content:
        raise ValueError(f"{name} within {name}")
    return content


def _tags(xml: str) -> list[dict[str, str]]:
    found = _TAG.findall(xml)
    if len(found) != xml.count("<item"):
        raise ValueError("a tag that is not a key and a value")
    if "&" in xml or "\r" in xml:
        found = [(_text(key), _text(value)) for key, value in found]
    return [{"Key": key, "Value": value} for key, value in found]


def _text(xml: str) -> str:
    """The text that is written so: references and line ends are as XML has them."""
    if "&" in xml or "\r" in xml:
        return ElementTree.fromstring(f"<t>{xml}</t>").text or ""  # noqa: S314 - as botocore does
    return xml


def _moment(text: str) -> datetime:
    """A time as EC2 writes it. Raises ValueError for other forms, of which botocore knows several."""
    if not text.endswith("Z"):
        raise ValueError(text)
    return datetime.fromisoformat(text)
