"""Begin and end silences, with a line in the journal: who wanted not to hear of what, until when, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from coinquery import reasons
from coinquery.account import timely_caller
from coinquery.durations import Duration
from coinquery.errors import NoSuchStack, WrongUse
from coinquery.monitor import silences
from coinquery.monitor.silences import Silence
from coinquery.regions import Answers, ask
from coinquery.stacks import inventory
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.journal import Journal
from coinquery.stacks.parameter_store import ParameterStore

if TYPE_CHECKING:
    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config
    from coinquery.naming import StackName

#: A silence that lasts longer is forgotten by those who made it.
LONGEST = Duration(7 * 86400)


@dataclass(frozen=True)
class Silencing:
    """The silence of one production stack."""

    store: ParameterStore
    journal: Journal
    clock: Clock
    stack: StackName

    @classmethod
    def of(cls, config: Config, aws: Aws, clock: Clock, stack: StackName) -> Silencing:
        """Of a production stack that stands; raise WrongUse for any other."""
        if not stack.is_production:
            raise WrongUse(
                f"{stack} is not production: no alert is ever raised of it",
                "There is nothing to silence: name a stack that ends in -prod.",
            )
        found = inventory.survey(aws, config.regions).find(str(stack))
        if found is None:
            raise NoSuchStack(f"there is no stack {stack}", "See those that there are: cq ls")
        journal = Journal(aws.logs(config.home_region), clock, timely_caller(aws, config.home_region, clock))
        return cls(ParameterStore(aws.ssm(found.region)), journal, clock, stack)

    def begin(self, length: Duration, why: str) -> Silence:
        """Silence it from now on, in place of a silence that it has; raise WrongUse if that is too long."""
        if length > LONGEST:
            raise WrongUse(f"a silence lasts at most {LONGEST}, not {length}", "Begin another one when it is over.")
        until = self.clock.now() + timedelta(seconds=length.seconds)
        silence = Silence(until=until, by=self.journal.who, why=reasons.check(why, "--why"))
        with self._chapter(silence.why).change("silence", f"until {until:%Y-%m-%d %H:%M:%S}Z"):
            silences.keep(self.store, self.stack, silence)
        return silence

    def end(self) -> None:
        """End it now; a stack that is not silenced is as it should be."""
        with self._chapter("").change("end the silence"):
            silences.end(self.store, self.stack)

    def _chapter(self, why: str) -> Chapter:
        return Chapter(self.journal, lambda: self.stack, lambda: "", f"cq monitor silence{why and f': {why}'}")


def lasting(config: Config, aws: Aws, clock: Clock) -> Answers[dict[str, Silence]]:
    """The silences that last, by region of production and stack; raise why, where no region answers."""

    def look(region: str) -> dict[str, Silence]:
        found = silences.read(ParameterStore(aws.ssm(region)))
        return {stack: silence for stack, silence in sorted(found.items()) if silence.until > clock.now()}

    return ask(config.level("prod").regions, look)
