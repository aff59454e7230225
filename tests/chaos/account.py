"""All that stands in the account for one coin, so that two coins' accounts can be compared.

What differs between two runs that did the same is made the same: the coin's ticker, times, ids that AWS draws.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from coinquery.stacks import inventory
from coinquery.stacks.foundation import JOURNAL_LOG_GROUP
from coinquery.stacks.journal import BEGINS, CARRIED_ON, Line, read
from coinquery.stacks.ledger import LATEST, LEDGER
from coinquery.stacks.notes import MOVING, ROLLOUTS
from coinquery.stacks.protection import Protector, load_balancers
from coinquery.stacks.stack import Stack
from tests.chaos.shop import Shop

#: How a message to Slack says that it may be one too many.
REPEAT = "Possible repeat"
_PROPOSED = re.compile(r"(/proposal)-\d+$")
_DRAWN = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?Z"), "TIME"),
    (re.compile(r"(?:(?<=-prod/|-test/)|(?<=-dev/)|(?<=-prod-int/|-test-int/)|(?<=-dev-int/))[0-9a-z]{16}\b"), "ID"),
    (re.compile(r"(?:(?<=-prod-|-test-)|(?<=-dev-)|(?<=-prod-int-|-test-int-)|(?<=-dev-int-))[0-9a-z]{8}(?=\.)"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\bi-[0-9a-f]+\b"), "INSTANCE"),
    (re.compile(r"(?<=/change/)[A-Z0-9]+|^[A-Z0-9]{14,}$"), "CHANGE"),
    (re.compile(r"(?<=TIME )[0-9a-f]{16}\b"), "TOKEN"),
    (re.compile(r"(?:(?<=/retiring/)|(?<=/moving/))[0-9a-f]{8}\b"), "TOKEN"),
    (re.compile(r"\bTook [^\"]*"), "Took a while"),
    (re.compile(r'"skipped":\[[^\]]*goes back to it[^\]]*\]|Skipped: [^"]*goes back to it[^"]*'), "SKIPPED"),
)


@dataclass(frozen=True)
class Account:
    """Everything of one coin, made comparable: ``parameters`` are ledger and notes, ``announced`` is what Slack got."""

    stacks: dict[str, object]
    parameters: dict[str, str]
    records: dict[str, str]
    journal: dict[tuple[str, str], list[Line]]
    announced: dict[str, list[str]]

    @classmethod
    def of(cls, shop: Shop, coin: str) -> Account:
        """What stands there now, of all levels."""
        team = shop.team
        stacks = [s for s in inventory.everywhere(team.world.aws, team.config.regions) if s.name.coin == coin]
        return cls(
            stacks={plain(str(s.name), coin): _stack(shop, s) for s in stacks},
            parameters=dict(_parameters(shop, coin)),
            records=dict(_records(shop, coin, stacks)),
            journal={
                (plain(stream, coin), what): lines for (stream, what), lines in journal(shop, f"cq-{coin}-").items()
            },
            announced=_announced(shop, coin),
        )


def plain(text: str, coin: str) -> str:
    """A text without what differs from coin to coin and from run to run."""
    text = re.sub(rf"\b{coin}\b", "COIN", text)
    for pattern, name in _DRAWN:
        text = pattern.sub(name, text)
    return text


def differences(right: Account, found: Account, told_again: frozenset[str] = frozenset()) -> list[str]:
    """What ``found`` has that an undisturbed run's account has not, and the other way round, in words.

    ``told_again`` names the stacks of which Slack may have been told twice.
    """
    kinds = ("stacks", "parameters", "records")
    wrong = [text for kind in kinds for text in differ(kind, getattr(right, kind), getattr(found, kind))]
    return [*wrong, *_told(right.journal, found.journal), *_announcements(right, found, told_again)]


def differ(kind: str, right: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    """What of a kind is not as it is where it is right."""
    for key in sorted(right.keys() | found.keys()):
        if right.get(key) != found.get(key):
            yield f"{kind}: {key}: {found.get(key)!r} in place of {right.get(key)!r}"


def _told(right: Mapping[tuple[str, str], list[Line]], found: Mapping[tuple[str, str], list[Line]]) -> Iterator[str]:
    """What an undisturbed run told of is told of; what was begun has its end, and says if it was carried on."""
    for key in sorted(right.keys() | found.keys()):
        results = [line.result for line in found.get(key, [])]
        expected = [line.result for line in right.get(key, [])]
        if set(expected) - set(results) - {BEGINS}:
            yield f"journal: {key}: {results} in place of {expected}"
        if BEGINS in expected and not {BEGINS, CARRIED_ON} & set(results):
            yield f"journal: {key}: it ended and never began: {results}"
        if set(results) - set(expected) - {BEGINS, CARRIED_ON}:
            yield f"journal: {key}: {results} in place of {expected}"
        for one, other in pairwise([*results, ""]):
            if one in (BEGINS, CARRIED_ON) and other in (BEGINS, ""):
                yield f"journal: {key}: after {one!r} comes {other or 'nothing'!r}: {results}"


def _announcements(right: Account, found: Account, told_again: frozenset[str]) -> Iterator[str]:
    for stack in sorted(right.announced.keys() | found.announced.keys()):
        expected, told = right.announced.get(stack, []), found.announced.get(stack, [])
        unmarked = [text for text in told if REPEAT not in text]
        marked = len(told) - len(unmarked)
        if stack in told_again and len(unmarked) <= len(expected) <= len(told):
            continue
        if marked or unmarked != expected:
            yield f"Slack: {stack}: told {len(told)} times, {marked} of them marked as a possible repeat: {told}"


def _stack(shop: Shop, stack: Stack) -> object:
    aws, region = shop.team.world.aws, stack.region
    cloudformation, elbv2 = aws.cloudformation(region), aws.elbv2(region)
    balancers = {}
    for arn in load_balancers(stack):
        attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        balancers[arn] = {each.get("Key"): each.get("Value") for each in attributes}
    seen = {
        "status": stack.status,
        "tags": stack.tags,
        "parameters": stack.parameters,
        "protected": stack.protected,
        "policy": cloudformation.get_stack_policy(StackName=str(stack.name)).get("StackPolicyBody"),
        "lost": Protector(cloudformation, elbv2).lost(stack) if stack.name.is_production else (),
        "balancers": balancers,
    }
    return json.loads(plain(json.dumps(seen), stack.name.coin))


def _parameters(shop: Shop, coin: str) -> Iterator[tuple[str, str]]:
    """Ledger and notes, but for locks of moves: one whose process was killed, or does not know its fate, runs out.

    Of the numbers that were proposed the last one counts: who reads the ledger late proposes one that is taken.
    """
    store = shop.team.means("eth").store
    for path in (LEDGER, ROLLOUTS, LATEST):
        for name, value in sorted(store.below(f"{path}/{coin}").items(), key=lambda kept: (len(kept[0]), kept[0])):
            if f"/{MOVING}/" not in name:
                yield plain(_PROPOSED.sub(r"\1", name), coin), plain(value, coin)


def _records(shop: Shop, coin: str, stacks: list[Stack]) -> Iterator[tuple[str, str]]:
    hosts = {
        stack.outputs[key].lower(): f"{stack.name} {key}"
        for stack in stacks
        for key in stack.outputs
        if key.endswith("LoadBalancerDnsName")
    }
    for level in shop.team.config.levels:
        names = shop.team.names(coin, level)
        standing = names.read()
        for record in names.records():
            alias = standing.of(record.kind)
            if alias is not None:
                target = hosts.get(alias.target.lower().rstrip("."), "a stack that is gone")
                yield plain(record.name, coin), plain(target, coin)


def journal(shop: Shop, prefix: str) -> dict[tuple[str, str], list[Line]]:
    """The journal's lines by stream and by what they tell of, for the streams whose names begin so."""
    logs = shop.team.world.aws.logs(shop.team.config.home_region)
    streams = logs.describe_log_streams(logGroupName=JOURNAL_LOG_GROUP, logStreamNamePrefix=prefix)["logStreams"]
    lines: dict[tuple[str, str], list[Line]] = {}
    for stream in (each["logStreamName"] for each in streams):
        events = logs.get_log_events(
            logGroupName=JOURNAL_LOG_GROUP, logStreamName=stream, startFromHead=True, limit=1000
        )
        for line in filter(None, (read(event["message"]) for event in events["events"])):
            lines.setdefault((stream, line.what), []).append(line)
    return lines


def _announced(shop: Shop, coin: str) -> dict[str, list[str]]:
    """What the team was told of each stack: that it is live, or that it is retired through broken glass."""
    told: dict[str, list[str]] = {}
    for line in shop.announcements(f"cq-{coin}-"):
        found = re.search(r"(?:is live: |Break-glass: )(cq-[a-z0-9]+-\d{4}-[a-z]+)", line)
        if found:
            told.setdefault(plain(found[1], coin), []).append(plain(line.replace(r"\n", " "), coin))
    return told
