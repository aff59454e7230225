"""EC2's pages of instances, read without what the monitor does not need of them.

EC2 can't be asked for less than all that it knows of an instance, some 10 kB of XML, and botocore makes objects of it
all: for a large fleet that is most of a sweep's processor time. While a client is ``lean``, expat reads the few members
that are needed, of pages from which the largest others are cut, and botocore is handed those.

Cutting is sound where ``<`` begins a tag and nothing else, as it does in XML without comments and CDATA sections: no
text, such as a tag's value, can hold one. A page that is not as expected is left to botocore as it came.
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
_INSTANCES = [_ROOT, "reservationSet", "item", "instancesSet"]
_INSTANCE = [*_INSTANCES, "item"]
#: What is read, by its name: where it stands, and what botocore calls it.
_READ = {
    "nextToken": ([_ROOT], "NextToken"),
    "instanceId": (_INSTANCE, "InstanceId"),
    "launchTime": (_INSTANCE, "LaunchTime"),
    "privateIpAddress": (_INSTANCE, "PrivateIpAddress"),
    "name": ([*_INSTANCE, "instanceState"], "State"),
    "tagSet": (_INSTANCE, "Tags"),
}
#: A third of a page, and not read.
_UNREAD = ("networkInterfaceSet", "blockDeviceMapping")
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
        except (expat.ExpatError, ElementTree.ParseError, ValueError):
            return
        response_dict["body"] = f"<{_ROOT}/>".encode()


def read(page: bytes) -> dict[str, Any]:
    """What botocore would answer, cut to what is read, and with one reservation for all instances.

    Raises ExpatError, ParseError or ValueError for a page that is not as expected.
    """
    if b"<!" in page:
        raise ValueError("there may be a comment or a CDATA section in it")
    for name in _UNREAD:
        page, _ = _cut(page, name)
    page, tags = _cut(page, "tagSet")
    answer, *instances = _texts(page)
    if page.count(b"instanceId>") != 2 * len(instances):
        raise ValueError("there are instances elsewhere than expected")
    return {**answer, "Reservations": [{"Instances": [_described(instance, tags) for instance in instances]}]}


def _cut(page: bytes, name: str) -> tuple[bytes, list[bytes]]:
    """The page with the number of each element of that name in place of what it held, and what they held.

    Should an element hold another of its name, what is left is no XML.
    """
    begin, end = f"<{name}>".encode(), f"</{name}>".encode()
    first, *others = page.split(begin)
    held, rest = [], [first]
    for number, other in enumerate(others):
        content, _, following = other.partition(end)
        held.append(content)
        rest += [begin, b"%d" % number, end, following]
    return b"".join(rest), held


def _texts(page: bytes) -> list[dict[str, str]]:
    """The texts of what is read: first those of the page itself, then those of each instance."""
    found: list[dict[str, str]] = [{}]
    path: list[str] = []
    text: list[str] = []
    parser = expat.ParserCreate("utf-8")

    def begin(name: str, _: object) -> None:
        if name in _READ:
            text.clear()
            parser.CharacterDataHandler = text.append
        elif name == "item" and path == _INSTANCES:
            found.append({})
        path.append(name)

    def end(name: str) -> None:
        path.pop()
        if name in _READ:
            parser.CharacterDataHandler = None
            place, member = _READ[name]
            if path == place:
                found[-1 if member != "NextToken" else 0][member] = "".join(text)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.Parse(page, True)
    parser.StartElementHandler = parser.EndElementHandler = None  # They hold the parser, which holds them.
    return found


def _described(texts: dict[str, str], tags: list[bytes]) -> dict[str, Any]:
    """An instance as botocore describes it, from its texts; that of its tags is their number."""
    described: dict[str, Any] = dict(texts)
    if "LaunchTime" in texts:
        described["LaunchTime"] = _moment(texts["LaunchTime"])
    if "State" in texts:
        described["State"] = {"Name": texts["State"]}
    if "Tags" in texts:
        described["Tags"] = _tags(tags[int(texts["Tags"])].decode()) if texts["Tags"] else []
    return described


def _tags(xml: str) -> list[dict[str, str]]:
    found = _TAG.findall(xml)
    if len(found) != xml.count("<item"):
        raise ValueError("a tag that is not a key and a value")
    if "&" in xml or "\r" in xml:
        found = [(_resolved(key), _resolved(value)) for key, value in found]
    return [{"Key": key, "Value": value} for key, value in found]


def _resolved(xml: str) -> str:
    """The text that is written so, with references and line ends as XML has them."""
    return ElementTree.fromstring(f"<t>{xml}</t>").text or ""  # noqa: S314 - as botocore does


def _moment(text: str) -> datetime:
    """A time as EC2 writes it. Raises ValueError for other forms, of which botocore knows several."""
    if not text.endswith("Z"):
        raise ValueError(text)
    return datetime.fromisoformat(text)
