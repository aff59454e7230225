"""Announce: tell the team in Slack, at least once, a possible repeat marked as such (I11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.notify.messages import ProductionLive, production_live
from coinquery.rollout import movers
from coinquery.rollout.step import Observation, holds, missing
from coinquery.rollout.telling import Telling

if TYPE_CHECKING:
    from coinquery.notify.announcer import Announcer
    from coinquery.rollout.rollout import Means, Rollout

CLAIM, DONE = "announcing", "announced"


class Announce:
    """A Slack that fails is told and undoes nothing."""

    title = "announce"
    limit = Duration(120)

    def __init__(self, rollout: Rollout, means: Means, announcer: Announcer) -> None:
        self._rollout = rollout
        self._means = means
        self._telling = Telling(announcer, means.clock, CLAIM, DONE)

    def intent(self) -> str:
        """What the plan shows."""
        return "a message to Slack" if self._means.config.slack else "nothing: cq.toml has no [slack]"

    def observe(self) -> Observation:
        """Whether the team was told."""
        if self._means.config.slack is None:
            return holds("Slack is not configured")
        if self._telling.problem:
            return holds("the stack is live, the team was not told", self._telling.problem)
        done = self._telling.done(self._rollout.notes)
        return holds("Slack was told") if done else missing("the team was not told")

    def act(self) -> None:
        """Tell the team, unless the name was moved away a moment ago."""
        movers.refuse_moved(self._means, self._rollout.created)
        self._telling.tell(self._rollout.notes, lambda repeat: production_live(self._message(repeat)))

    def _message(self, possible_repeat: bool) -> ProductionLive:
        release, stack = self._rollout.release, self._rollout.created
        begun = self._rollout.notes.begun()
        return ProductionLive(
            coin=self._rollout.coin.ticker,
            stack=str(stack.name),
            region=stack.region,
            release=release.tag,
            commit=release.commit,
            author=release.author,
            public_name=self._means.names.public.name,
            seconds=0.0 if begun is None else (self._means.clock.now() - begun).total_seconds(),
            links=(("stack", console_link(stack.region, stack.arn)),),
            release_url=release.url,
            commit_url=release.commit_url,
            possible_repeat=possible_repeat,
        )


def console_link(region: str, arn: str) -> str:
    """The stack's page in the AWS console."""
    return (
        f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}#/stacks/stackinfo?stackId={arn}"
    )
