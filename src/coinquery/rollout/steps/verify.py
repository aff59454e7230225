"""Verify in public: /info.commitHash through the public name equals the release (I3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.dns.world import World
from coinquery.errors import WrongCommitInPublic
from coinquery.rollout import movers
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.dns.world import Info
    from coinquery.rollout.rollout import Means
    from coinquery.stacks.stack import Stack


class VerifyInPublic:
    """Asks every authoritative server, then HTTPS at every address that they give.

    ``stack`` gives the stack that the name must lead to, ``commit`` what it must answer; ``remedy`` is what to run
    where it answers another.
    """

    title = "verify in public"

    def __init__(self, means: Means, commit: str, stack: Callable[[], Stack], remedy: str) -> None:
        self._means = means
        self._names = means.names
        self._name = means.names.public.name
        self._world = World(means.config.listener.https_port, means.config.verify.ca_bundle)
        self._commit = commit
        self._stack = stack
        self._remedy = remedy
        self._servers = means.config.verify.name_servers
        self.limit = means.config.waits.verify

    def intent(self) -> str:
        """What the plan shows."""
        return f"https://{self._name}/info answers commit {self._commit}"

    def observe(self) -> Observation:
        """What the world sees."""
        movers.refuse_moved(self._means, self._stack())
        answers = self._world.ask(self._servers or self._names.check(), self._name)
        silent = [f"{answer.server}: {answer.problem}" for answer in answers if answer.problem]
        if silent or not answers:
            return waiting("; ".join(silent) or "the zone has no name servers")
        addresses = sorted({address for answer in answers for address in answer.addresses})
        infos = [self._world.info(self._name, address) for address in addresses]
        wrong = [self._judge(info) for info in infos if info.commit != self._commit]
        if wrong:
            return waiting("; ".join(wrong))
        return holds(f"{len(answers)} name servers, {len(addresses)} addresses, commit {self._commit}")

    def act(self) -> None:
        """Nothing: the world follows by itself."""

    def _judge(self, info: Info) -> str:
        stack = self._stack().name
        if info.commit is not None and info.stack == str(stack):
            raise WrongCommitInPublic(
                f"https://{self._name}/info at {info.address} answers commit {info.commit}, not {self._commit}",
                f"The name leads to {stack}. {self._remedy}",
            )
        return f"{info.address} answers {info.problem or info.commit}"
