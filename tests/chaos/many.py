"""The same command many times at once: one stack, or with ``--new`` as many as there are commands (I2)."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack

from coinquery.dns.names import Standing
from coinquery.stacks import inventory
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore
from coinquery.stacks.stack import Stack
from tests.chaos.chains import clean_up
from tests.chaos.rates import Rates
from tests.chaos.results import Row
from tests.chaos.shop import Ran, Shop
from tests.teams import REGION

MANY = 10
#: Waits between looks are so much shorter here than a person's.
FASTER = 10.0


def take_time(shop: Shop) -> None:
    """Let waits last as long as on AWS: ten processes on this machine's cores are slow, and none shall be stopped."""
    shop.set_waits(dict.fromkeys(("create", "nodes", "monitor", "dns_sync", "verify"), "15m"))


def same_deploy(shop: Shop, seeds: range) -> Row:
    """Ten processes with the same deploy."""
    problems = [f"seed {seed}: {found}" for seed in seeds for found in [_one_stack(shop, seed)] if found]
    return _row("deploy", f"{MANY} processes at once", seeds, problems)


def new_deploys(shop: Shop, seeds: range) -> Row:
    """Ten processes with the same deploy and ``--new``."""
    problems = [f"seed {seed}: {found}" for seed in seeds for found in [_ten_stacks(shop, seed)] if found]
    return _row("deploy --new", f"{MANY} processes at once", seeds, problems)


def at_once(shop: Shop, seed: int, *command: str) -> list[Ran]:
    """Start the command ten times within a second, and wait for all; AWS takes no more calls of all than of one."""
    late, rates = random.Random(seed), Rates(FASTER)
    with ExitStack() as stack:
        running = []
        for delay in sorted(late.random() for _ in range(MANY)):
            running.append((delay, stack.enter_context(shop.proxy(rates))))
        started = []
        before = 0.0
        for delay, proxy in running:
            threading.Event().wait(delay - before)
            before = delay
            started.append(shop.start(proxy, *command))
        return [process.end(900) for process in started]


def _one_stack(shop: Shop, seed: int) -> str:
    coin = shop.coin()
    ran = at_once(shop, seed, *shop.deploy(coin))
    name = f"cq-{coin}-0001-prod"
    if any(each.code for each in ran):
        return "; ".join(f"exit {each.code}: {_last(each)}" for each in ran if each.code)
    numbers = _numbers(shop, coin)
    if numbers != 1:
        return f"{numbers} numbers were given out"
    stacks = [str(stack.name) for stack in inventory.everywhere(shop.team.world.aws, shop.team.config.regions)]
    if (made := [stack for stack in stacks if stack.startswith(f"cq-{coin}-")]) != [name]:
        return f"there are {made}"
    plain = [line for line in shop.announcements(name) if "Possible repeat" not in line]
    if len(plain) != 1:
        return f"{len(plain)} announcements without the mark of a repeat"
    problem = leading_problem(shop, coin, name)
    clean_up(shop, coin)
    return problem


def _ten_stacks(shop: Shop, seed: int) -> str:
    """Each is a rollout of its own: one number and one stack each. The record moves from one to the next, and whoever
    lost it, before the move or while it was verified, is told to whom and when.
    """
    coin = shop.coin()
    ran = at_once(shop, seed, *shop.deploy(coin, "v1.0.0", "--new"))
    numbers = _numbers(shop, coin)
    if numbers != MANY:
        return f"{numbers} numbers were given out"
    stacks = [shop.team.stack(f"cq-{coin}-{number:04}-prod") for number in range(1, MANY + 1)]
    if not all(stacks):
        return "a number has no stack"
    bad = [each for each in ran if each.code not in (0, 3) or (each.code == 3 and not tells_who(each))]
    if bad:
        return "; ".join(f"exit {each.code}: {_last(each)}" for each in bad)
    if not any(each.code == 0 for each in ran):
        return "nobody won: " + "; ".join(_last(each) for each in ran)
    standing = shop.team.names(coin).read()
    led = [str(stack.name) for stack in stacks if stack and _leads(shop, coin, stack, standing)]
    if len(led) != 1:
        return f"the records lead to {led}: {standing}"
    clean_up(shop, coin)
    return ""


def leading_problem(shop: Shop, coin: str, name: str) -> str:
    """Why not both records lead to the stack of that name; ``""`` if they do."""
    stack, names = shop.team.stack(name), shop.team.names(coin)
    if stack is None:
        return f"{name} does not stand"
    return "" if _leads(shop, coin, stack, names.read()) else f"the records do not lead to {name}: {names.read()}"


def _leads(shop: Shop, coin: str, stack: Stack, standing: Standing) -> bool:
    return shop.team.names(coin).target(stack).is_same(standing)


def tells_who(ran: Ran) -> bool:
    """Whether the message says who was first, to which stack, and when."""
    return "by arn:" in ran.said and " at 20" in ran.said and "cq-" in ran.said.rpartition("\ncq: ")[2]


def _numbers(shop: Shop, coin: str) -> int:
    return len(Ledger(ParameterStore(shop.team.world.aws.ssm(REGION))).entries(f"/coinquery/stacks/{coin}"))


def _last(ran: Ran) -> str:
    return " / ".join(ran.said.strip().splitlines()[-2:])


def _row(command: str, what: str, seeds: range, problems: list[str]) -> Row:
    return Row(command=command, what=what, tried=len(seeds), right=len(seeds) - len(problems), problems=problems)
