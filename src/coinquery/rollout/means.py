"""Put together what steps work with, for one coin and level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.account import timely_caller
from coinquery.dns.names import Names
from coinquery.rollout.rollout import Means
from coinquery.stacks import foundation
from coinquery.stacks.journal import Journal
from coinquery.stacks.ledger import Ledger
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config


def gather(aws: Aws, config: Config, clock: Clock, coin: str, level: str) -> Means:
    """Everything is in the home region but the names, which are global.

    Raises NotBootstrapped or BadConfiguration where the home region does not know itself as the ledger's, and
    ClockWrong.
    """
    home = config.home_region
    foundation.check_home(aws, config, home)
    store = ParameterStore(aws.ssm(home), clock)
    return Means(
        aws=aws,
        config=config,
        clock=clock,
        store=store,
        ledger=Ledger(store),
        journal=Journal(aws.logs(home), clock, timely_caller(aws, home, clock)),
        names=Names(aws.route53(), config.level(level), coin),
    )
