"""What the monitor reads of EC2's pages is what botocore reads of them (I15 rests on it)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError, create_parser
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from coinquery.monitor import instance_pages
from coinquery.monitor.instances import find
from tests.monitored import Production
from tests.worlds import World

SHAPE = get_session().get_service_model("ec2").operation_model("DescribeInstances").output_shape
XMLNS = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
GOOD = "cq-eth-0001-prod"


def by_botocore(page: bytes) -> dict[str, Any]:
    assert SHAPE is not None
    answer: dict[str, Any] = create_parser("ec2").parse({"status_code": 200, "headers": {}, "body": page}, SHAPE)
    return answer


def needed(answer: Mapping[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """The token, and what ``instances.py`` reads of each instance."""
    described = [instance for reservation in answer["Reservations"] for instance in reservation.get("Instances", ())]
    return answer.get("NextToken"), [
        {
            "id": instance.get("InstanceId"),
            "address": instance.get("PrivateIpAddress") or "",
            "launched": instance.get("LaunchTime"),
            "state": instance.get("State", {}).get("Name"),
            "tags": instance.get("Tags", []),
        }
        for instance in described
    ]


#: What XML can hold: neither control characters nor halves of characters.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r<>&\"'"), max_size=12)
#: Names that are read, somewhere or elsewhere, and some that are not.
names = st.sampled_from(
    ["item", "instanceId", "launchTime", "privateIpAddress", "name", "key", "value", "nextToken", "tagSet",
     "instancesSet", "instanceState", "networkInterfaceSet", "blockDeviceMapping", "reason", "placement"]
)  # fmt: skip


def element(name: str, content: str | None) -> str:
    return f"<{name}/>" if content is None else f"<{name}>{content}</{name}>"


def leaf(name: str, text: str) -> str:
    return element(name, escape(text, {"\r": "&#13;"}) or None)


#: Members that EC2 may add some day, with whatever names inside.
additions = st.recursive(
    st.builds(leaf, names, texts),
    lambda inner: st.builds(element, names, st.lists(inner, max_size=3).map("\n  ".join)),
    max_leaves=6,
).map(lambda inner: f"<later>{inner}</later>")
tags = st.dictionaries(texts.filter(bool), texts, max_size=4).map(
    lambda tags: element(
        "tagSet", "".join(f"<item>{leaf('key', k)}\n {leaf('value', v)}</item>" for k, v in tags.items()) or None
    )
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: leaf("launchTime", f"{moment:%Y-%m-%dT%H:%M:%S}.000Z")
)
addresses = st.ip_addresses(v=4).map(lambda address: leaf("privateIpAddress", str(address)))
interfaces = addresses.map(lambda address: f"<networkInterfaceSet><item>{address}</item></networkInterfaceSet>")
others = interfaces | st.just("<blockDeviceMapping/>") | additions


@st.composite
def instances(draw: st.DrawFn) -> str:
    name = leaf("instanceId", f"i-{draw(st.integers(0, 2**64)):017x}")
    members = [
        draw(moments),
        f"<instanceState><code>16</code>{leaf('name', draw(texts.filter(bool)))}</instanceState>",
        *draw(st.lists(addresses | st.just("<privateIpAddress/>"), max_size=1)),
        *draw(st.lists(tags, max_size=1)),
        *draw(st.lists(others, max_size=2)),
    ]
    return element("item", "\n    ".join([name, *draw(st.permutations(members))]))


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    reservations = draw(st.lists(st.lists(instances(), max_size=3), max_size=3))
    told = "\n".join(
        f"<item><ownerId>1</ownerId><groupSet/>\n{element('instancesSet', ''.join(held) or None)}</item>"
        for held in reservations
    )
    token = draw(st.sampled_from(["", "<nextToken/>"]) | texts.map(lambda text: leaf("nextToken", text)))
    members = draw(st.permutations(["<requestId>1</requestId>", element("reservationSet", told or None), token]))
    prolog = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', "<!-- a comment -->"]))
    return (prolog + f"<DescribeInstancesResponse {XMLNS}>{''.join(members)}</DescribeInstancesResponse>").encode()


@given(pages())
def test_i15_what_is_read_is_what_botocore_reads(page: bytes) -> None:
    """A page with strange additions may be left to botocore; it is never read otherwise."""
    try:
        read = instance_pages.read(page)
    except (SyntaxError, ValueError):
        assert any(mark in page for mark in (b"<!", b"<later>", b"<networkInterfaceSet>"))
        return
    assert needed(read) == needed(by_botocore(page))


@given(pages(), st.data())
def test_what_is_no_xml_is_left_to_botocore(page: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(page) - 1))
    with pytest.raises((SyntaxError, ValueError)):
        instance_pages.read(page[:cut])


def page_of(tag_value: str, members: str = "") -> bytes:
    return (
        f"<DescribeInstancesResponse {XMLNS}><reservationSet><item><instancesSet><item><instanceId>i-0a</instanceId>"
        f"<instanceState><code>16</code><name>running</name></instanceState><launchTime>2026-11-24T00:00:00.000Z</launchTime>{members}"
        f"<tagSet><item><key>Name</key><value>{tag_value}</value></item></tagSet></item></instancesSet></item>"
        "</reservationSet></DescribeInstancesResponse>"
    ).encode()


@pytest.mark.parametrize(
    "page",
    [
        page_of("<![CDATA[</value></item></tagSet>]]>"),
        page_of("a", "<tagSet><tagSet></tagSet></tagSet>"),
        page_of("a<key>b</key>"),
        page_of("&unknown;"),
        page_of("a").replace(b"2026-11-24T00:00:00.000Z", b"1764000000"),
        page_of("a").replace(b"<", b"<ec2:").replace(b"<ec2:/", b"</ec2:"),
        b"<ErrorResponse/>" + page_of("a"),
    ],
)
def test_pages_that_are_not_as_expected_are_left_to_botocore(page: bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        instance_pages.read(page)


class Raw:
    """A body as it arrives."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def answering(status: int, *bodies: bytes) -> Any:
    """A client of EC2 whose calls are answered with one body after the other."""
    client: Any = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    waiting = list(bodies)

    def answer(request: AWSRequest, **_: object) -> AWSResponse:
        return AWSResponse(str(request.url), status, HTTPHeaders(), Raw(waiting.pop(0)))

    client.meta.events.register("before-send.ec2.*", answer)
    return client


def test_a_page_that_is_read_here_and_one_that_is_left_to_botocore_find_the_same() -> None:
    tagged = page_of(GOOD).replace(
        b"</tagSet>", f"<item><key>coinquery:stack</key><value>{GOOD}</value></item></tagSet>".encode()
    )
    ec2 = answering(200, tagged, tagged.replace(b"<reservationSet>", b"<!-- --><reservationSet>"))
    [here], [there] = list(find(ec2)), list(find(ec2))
    assert here == there
    assert (here.id, here.launched, here.address) == ("i-0a", datetime(2026, 11, 24, tzinfo=UTC), "")


def test_errors_of_ec2_are_botocores() -> None:
    error = b"<Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
    refused = b"<Response><Errors>" + error + b"</Errors></Response>"
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(find(answering(403, refused)))
    with pytest.raises(ResponseParserError):
        list(find(answering(200, b"<Describe")))


def test_others_are_told_everything_before_and_after() -> None:
    page = page_of("a", "<imageId>ami-1</imageId>")
    ec2 = answering(200, page, page)
    with instance_pages.lean(ec2):
        [reservation] = ec2.describe_instances()["Reservations"]
        assert "ImageId" not in reservation["Instances"][0]
    [reservation] = ec2.describe_instances()["Reservations"]
    assert reservation["Instances"][0]["ImageId"] == "ami-1"


@pytest.mark.local_aws
def test_pages_of_the_local_aws_are_read_alike(world: World) -> None:
    production = Production(world.aws, world.state)
    for name in (GOOD, "cq-eth-0002-prod"):
        production.instance(name, production.address(), commit="<&>")
    ec2 = world.aws.ec2(production.region)
    whole = needed(ec2.describe_instances())
    pages: list[bytes] = []
    ec2.meta.events.register_first(
        "before-parse.ec2.DescribeInstances", lambda response_dict, **_: pages.append(response_dict["body"])
    )
    with instance_pages.lean(ec2):
        assert needed(ec2.describe_instances()) == whole
    without_comments = re.sub(rb"<!--.*?-->", b"", pages[0], flags=re.DOTALL)
    assert needed(instance_pages.read(without_comments)) == whole
