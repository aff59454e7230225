"""The records of a coin: what stands in the zones, what the world's servers say, and what answers there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.dns.names import Names
from coinquery.dns.record import canonical
from coinquery.dns.world import Answer, Info, World
from coinquery.stacks import inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.aws import Aws
    from coinquery.config import Config
    from coinquery.errors import CoinQueryError


@dataclass(frozen=True)
class RecordView:
    """One name: where its record leads, and which of our stacks that is (``""`` if none)."""

    kind: str
    name: str
    zone: str
    target: str
    stack: str


@dataclass(frozen=True)
class View:
    """Everything that ``cq dns show`` shows, and why regions did not answer whose stack may be the one."""

    records: tuple[RecordView, ...]
    answers: tuple[Answer, ...]
    infos: tuple[Info, ...]
    unanswered: Mapping[str, CoinQueryError]


def look(aws: Aws, config: Config, coin: str, level: str) -> View:
    """Look at a coin's names; changes nothing."""
    names = Names(aws.route53(), config.level(level), coin)
    servers, standing, stacks = names.check(), names.read(), inventory.survey(aws, config.regions)
    records = []
    for record in names.records():
        alias = standing.of(record.kind)
        target = "" if alias is None else canonical(alias.target)
        stack = stacks.named(alias)
        records.append(
            RecordView(record.kind, record.name, record.zone.id, target, "" if stack is None else str(stack))
        )
    world = World(config.listener.https_port, config.verify.ca_bundle)
    answers = world.ask(config.verify.name_servers or servers, names.public.name)
    addresses = sorted({address for answer in answers for address in answer.addresses})
    infos = [world.info(names.public.name, address) for address in addresses]
    return View(tuple(records), tuple(answers), tuple(infos), stacks.unanswered)
