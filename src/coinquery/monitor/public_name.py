"""A coin's public name as clients see it, in every sweep.

    the record      in the public zone: to which of our stacks does it lead?
    its stack       is it protected in full?
    DNS             what does each public name server answer?
    each address    does it answer with the live stack's commit, in step, with a valid certificate?
    the way back    would a rollback find a stack that serves?

The record is read from Route 53, never from the resolver of the monitor's network: a private zone of the same name may
hide the public one there.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from coinquery import regions
from coinquery.dns.at_once import at_once
from coinquery.dns.names import Standing
from coinquery.dns.record import canonical
from coinquery.dns.world import MOST_ADDRESSES, Health, Info, World
from coinquery.dns.zone import Zone
from coinquery.errors import CoinQueryError, RecordUnfit
from coinquery.monitor import way_back
from coinquery.monitor.outlook import NameOutlook
from coinquery.monitor.shared import AWS_SECONDS
from coinquery.stacks import inventory, retiring
from coinquery.stacks import stack as stacks
from coinquery.stacks.ledger import LEDGER, Ledger
from coinquery.stacks.notes import SWITCHED, of_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coinquery.dns.record import Alias
    from coinquery.dns.world import Answer
    from coinquery.monitor.standpoint import Standpoint
    from coinquery.naming import StackName
    from coinquery.stacks.ledger import Entry
    from coinquery.stacks.stack import Stack

#: Seconds for the answers of all name servers together, and for each of the two requests to an address.
DNS_SECONDS, HTTPS_SECONDS = 3.0, 3.0
#: Fewer days left than this are a problem: ACM renews 60 days before the end.
CERTIFICATE_DAYS = 14
#: How many of a coin's newest stacks are looked at for one that was live, whether they stand or not.
LOOKED_AT = 10


def look(coin: str, at: Standpoint) -> NameOutlook | None:
    """Look at a coin's name. None where the monitor of another region tells of it, or the coin never was live.

    Asks AWS for the record; of a live stack here also for its protection (1 call, and 1 for each load balancer) and its
    way back. Takes up to 9.5 s and what AWS takes. Raises what AWS raised if the record can't be read.
    """
    name = at.production.name.format(coin=coin)
    outlook = partial(NameOutlook, coin=coin, name=name)
    try:
        alias = Zone(at.aws.route53(), at.production.zone).read(name)
    except RecordUnfit as error:
        return outlook(stack=None, answers=None, problems=(error.what,)) if at.tells_of(None) else None
    if alias is None:
        problems = _missing(coin, name, at) if at.tells_of(None) else ()
        return outlook(stack=None, answers=False, problems=problems) if problems else None
    stack = inventory.leading(at.stacks.values(), Standing(public=alias))
    if stack is None and not at.tells_of(alias.target):
        return None
    if stack is None or stack.name.coin != coin:
        return outlook(stack=None, answers=False, problems=(_astray(name, alias, stack),))
    back, seen = way_back.look(stack, at), _look_from_outside(name, stack, at)
    return outlook(
        stack=str(stack.name),
        answers=seen.answers,
        problems=(*at.unprotected(stack), *seen.problems),
        certificate_days=seen.certificate_days,
        way_back=back.stack,
        way_back_problems=back.problems,
    )


def _missing(coin: str, name: str, at: Standpoint) -> tuple[str, ...]:
    """No record is a problem once a name led to a stack that is not retired; before, nobody expects one."""
    entries = Ledger(at.store).entries(f"{LEDGER}/{coin}/prod")
    for stack in _candidates(entries, at):
        notes = of_id(at.store, entries[stack].rollout)
        mark = notes.marked(SWITCHED)
        if mark is not None and not retiring.is_under_way(notes, at.clock.now()):
            return (f"{name} has no record in zone {at.production.zone}; it was moved to {stack} at {mark.time}",)
    return ()


def _candidates(entries: Mapping[StackName, Entry], at: Standpoint) -> Iterator[StackName]:
    """The newest numbers; of the older ones those whose stacks stand, here and then in other regions of production."""
    by_age = sorted(entries, reverse=True)
    yield from by_age[:LOOKED_AT]
    older = by_age[LOOKED_AT:]
    yield from (name for name in older if name in at.stacks)
    elsewhere = {entries[name].region for name in older} & set(at.configuration.regions) - {at.region}
    with suppress(CoinQueryError):  # of a region that does not answer its own monitor tells
        seen = regions.ask(elsewhere, lambda region: list(stacks.read_all(at.aws.cloudformation(region))), AWS_SECONDS)
        yield from (stack.name for found in seen.given.values() for stack in found if stack.name in older)


def _astray(name: str, alias: Alias, stack: Stack | None) -> str:
    if stack is None:
        return f"{name} leads to none of our production stacks but to {canonical(alias.target)}"
    return f"{name} leads to {stack.name}, a stack of another coin"


@dataclass(frozen=True)
class _Seen:
    """What was seen from outside; the members are those of NameOutlook."""

    answers: bool | None
    problems: tuple[str, ...]
    certificate_days: int | None


def _look_from_outside(name: str, stack: Stack, at: Standpoint) -> _Seen:
    production = at.production
    world = World(production.https_port, production.ca_bundle, DNS_SECONDS, HTTPS_SECONDS)
    answers = world.ask(at.servers, name)
    addresses = sorted({address for answer in answers for address in answer.addresses})[:MOST_ADDRESSES]
    visits = at_once(partial(_visit, world, name), addresses, 2 * HTTPS_SECONDS + 0.5, _late)
    infos = [info for info, _ in visits]
    end = min((info.certificate_end for info in infos if info.certificate_end), default=None)
    days = None if end is None else (end - at.clock.now()).days
    reached = any(answer.reached for answer in answers)
    return _Seen(
        answers=any(info.commit == stack.commit for info in infos) if reached else None,
        problems=(*_of_servers(answers), *_of_certificate(name, end, days), *_of_visits(name, visits, stack)),
        certificate_days=days,
    )


def _visit(world: World, name: str, address: str) -> tuple[Info, Health]:
    """``/info`` and, where that had a reply, ``/health``."""
    info = world.info(name, address)
    return info, world.health(name, address) if info.certificate_end else Health(address)


def _late(address: str) -> tuple[Info, Health]:
    return Info(address, problem="no answer in time"), Health(address)


def _of_servers(answers: Sequence[Answer]) -> list[str]:
    if not any(answer.reached for answer in answers):
        told = ", ".join(f"{answer.server} ({answer.problem})" for answer in answers)
        return [f"no name server could be reached from here: {told or 'none is known'}"]
    problems = [f"name server {answer.server}: {answer.problem}" for answer in answers if answer.problem]
    ((usual, _),) = Counter(answer.addresses for answer in answers if answer.addresses).most_common(1) or [((), 0)]
    # A load balancer with many addresses has them told in parts: only what has none in common is another answer.
    other = [answer for answer in answers if answer.addresses and not set(answer.addresses) & set(usual)]
    return problems + [
        f"name server {answer.server} answers {', '.join(answer.addresses)}, others {', '.join(usual)}"
        for answer in other
    ]


def _of_certificate(name: str, end: datetime | None, days: int | None) -> list[str]:
    if end is None or days is None or days >= CERTIFICATE_DAYS:
        return []
    return [f"the certificate of {name} has {days} days left, until {end:%Y-%m-%d %H:%M}Z"]


def _of_visits(name: str, visits: Sequence[tuple[Info, Health]], stack: Stack) -> list[str]:
    """``/health`` says what ``/info`` can't: a load balancer whose targets are all unhealthy sends to all of them."""
    problems = []
    for info, health in visits:
        where = f"https://{name}/info at {info.address}"
        if info.problem:
            problems.append(f"{where}: {info.problem}")
        elif info.commit != stack.commit or info.stack not in (None, str(stack.name)):
            problems.append(
                f"{where} answers commit {info.commit} of {info.stack or 'a stack that it does not name'}, "
                f"the record leads to {stack.name} with {stack.commit or 'none'}"
            )
        if health.problem:
            problems.append(f"https://{name}/health at {info.address}: {health.problem}")
    return problems
