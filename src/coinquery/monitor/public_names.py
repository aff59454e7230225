"""The public names of every coin that a region's monitor must look at, all at the same time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.monitor import public_name
from coinquery.monitor.outlook import NameOutlook
from coinquery.monitor.standpoint import Standpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.clock import Clock
    from coinquery.monitor.shared import Shared
    from coinquery.monitor.sweep_log import Live

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Names:
    """What was seen of the names; ``complete`` is whether every one of them could be looked at."""

    outlooks: tuple[NameOutlook, ...] = ()
    complete: bool = True


async def look(shared: Shared, clock: Clock, last: Mapping[str, Live]) -> Names:
    """Look at the names. One that can't be looked at is told as it was ``last`` known, and as not seen."""
    production, stacks = shared.configuration.production, await shared.stacks()
    if production is None:
        return Names()
    at = None
    if stacks is not None:
        at = await shared.ask_aws(Standpoint.of, shared.region, shared.aws, shared.configuration, clock, stacks)
    coins = {name.coin for name in stacks or ()} | {word.coin for word in (await shared.memory()).words} | set(last)
    if at is None:
        return Names(tuple(_unseen(coin, production.name, last[coin]) for coin in sorted(last)), complete=False)
    seen = await asyncio.gather(*(_look(shared, coin, at) for coin in sorted(coins)))
    missed = [coin for coin, (done, _) in zip(sorted(coins), seen, strict=True) if not done]
    remembered = [_unseen(coin, production.name, last[coin]) for coin in missed if coin in last]
    return Names((*(name for _, name in seen if name is not None), *remembered), complete=not missed)


async def _look(shared: Shared, coin: str, at: Standpoint) -> tuple[bool, NameOutlook | None]:
    """Whether a name could be looked at, and what was seen of it; nothing where another monitor tells of it."""
    from botocore.exceptions import BotoCoreError, ClientError

    from coinquery.errors import CoinQueryError

    try:
        return True, await shared.threads.run(public_name.look, coin, at)
    except (BotoCoreError, ClientError, CoinQueryError) as error:
        logger.warning("the name of %s could not be looked at: %s", coin, error)
        return False, None


def _unseen(coin: str, pattern: str, known: Live) -> NameOutlook:
    name = pattern.format(coin=coin)
    return NameOutlook(coin=coin, name=name, stack=known.stack, answers=None, way_back=known.way_back)
