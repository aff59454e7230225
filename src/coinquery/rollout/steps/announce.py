"""Announce: tell the team in Slack, at least once, a possible repeat marked as such (I11)."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.notify.messages import ProductionLive, production_live
from coinquery.rollout.step import Observation, holds, missing

if TYPE_CHECKING:
    from coinquery.notify.announcer import Announcer
    from coinquery.rollout.rollout import Means, Rollout

CLAIM, DONE = "announcing", "announced"


class Announce:
    """The claim is kept before Slack is called, the success after; a claim without success may be a repeat.

    A Slack that fails is told and undoes nothing.
    """

    title = "announce"
    limit = Duration(120)

    def __init__(self, rollout: Rollout, means: Means, announcer: Announcer) -> None:
        self._rollout = rollout
        self._means = means
        self._announcer = announcer
        self._problem = ""

    def intent(self) -> str:
        """What the plan shows."""
        return "a message to Slack" if self._means.config.slack else "nothing: cq.toml has no [slack]"

    def observe(self) -> Observation:
        """Whether the team was told."""
        if self._means.config.slack is None:
            return holds("Slack is not configured")
        if self._problem:
            return holds("the stack is live, the team was not told", f"Slack failed: {self._problem}")
        return holds("Slack was told") if self._rollout.notes.get(DONE) else missing("the team was not told")

    def act(self) -> None:
        """Tell the team."""
        notes, now = self._rollout.notes, self._means.clock.now()
        mine = f"{now.isoformat()} {secrets.token_hex(8)}"
        repeat = notes.settle(CLAIM, mine) != mine
        delivery = self._announcer.tell(production_live(self._message(possible_repeat=repeat)))
        if delivery.delivered:
            notes.settle(DONE, now.isoformat())
        else:
            self._problem = delivery.problem

    def _message(self, *, possible_repeat: bool) -> ProductionLive:
        release, stack = self._rollout.release, self._rollout.created
        begun = datetime.fromisoformat(self._rollout.notes.get("begin") or "")
        return ProductionLive(
            coin=self._rollout.coin.ticker,
            stack=str(stack.name),
            region=stack.region,
            release=release.tag,
            commit=release.commit,
            author=release.author,
            public_name=self._means.names.public.name,
            seconds=(self._means.clock.now() - begun).total_seconds(),
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
