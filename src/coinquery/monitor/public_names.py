"""The public names of every coin that a region's monitor must look at, all at the same time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.errors import BadConfiguration, CoinQueryError
from coinquery.monitor import public_name
from coinquery.monitor.outlook import NameOutlook
from coinquery.monitor.standpoint import Standpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.clock import Clock
    from coinquery.monitor.configuration import Configuration
    from coinquery.monitor.shared import Shared
    from coinquery.monitor.sweep_log import Live

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Names:
    """What was seen of the names; ``complete`` is whether every one of them could be looked at."""

    outlooks: tuple[NameOutlook, ...] = ()
    complete: bool = True


async def look(shared: Shared, clock: Clock, last: Mapping[str, Live]) -> Names:
    """Look at the names. One that can't be looked at is told as it was ``last`` known, and as not seen.

    A hosted zone that is not ours, or is gone, is a problem of every name.
    """
    production, stacks = shared.configuration.production, await shared.stacks()
    if production is None:
        return Names()
    at, problems = None, tuple[str, ...]()
    if stacks is not None:
        try:
            at = await shared.ask_aws(Standpoint.of, shared.region, shared.aws, shared.configuration, clock, stacks)
        except BadConfiguration as error:
            problems = (error.what,)
    coins = {name.coin for name in stacks or ()} | {word.coin for word in (await shared.memory()).words} | set(last)
    if at is None:
        return unseen(shared.configuration, last, problems)
    seen = await asyncio.gather(*(_look(shared, coin, at) for coin in sorted(coins)))
    missed = [coin for coin, (done, _) in zip(sorted(coins), seen, strict=True) if not done]
    remembered = [_unseen(coin, production.name, last[coin]) for coin in missed if coin in last]
    return Names((*(name for _, name in seen if name is not None), *remembered), complete=not missed)


async def in_time(looking: asyncio.Task[Names], seconds: float) -> Names | None:
    """What a look gives within so many seconds; None where it does not, or fails."""
    await asyncio.wait([looking], timeout=seconds)
    if not looking.done():
        looking.cancel()
        return None
    if looking.exception() is not None:
        logger.error("the names could not be looked at", exc_info=looking.exception())
        return None
    return looking.result()


def unseen(configuration: Configuration, last: Mapping[str, Live], problems: tuple[str, ...] = ()) -> Names:
    """The names as they were ``last`` known, none of them seen now."""
    if configuration.production is None:
        return Names()
    pattern = configuration.production.name
    return Names(tuple(_unseen(coin, pattern, last[coin], problems) for coin in sorted(last)), complete=False)


async def _look(shared: Shared, coin: str, at: Standpoint) -> tuple[bool, NameOutlook | None]:
    """Whether a name could be looked at, and what was seen of it; nothing where another monitor tells of it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return True, await shared.threads.run(public_name.look, coin, at)
    except (BotoCoreError, ClientError, CoinQueryError) as error:
        logger.warning("the name of %s could not be looked at: %s", coin, error)
    except Exception:
        logger.exception("the name of %s", coin)
    return False, None


def _unseen(coin: str, pattern: str, known: Live, problems: tuple[str, ...] = ()) -> NameOutlook:
    return NameOutlook(
        coin=coin,
        name=pattern.format(coin=coin),
        stack=known.stack,
        answers=None,
        problems=problems,
        way_back=known.way_back,
    )
