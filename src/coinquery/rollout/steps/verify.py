"""Verify in public: /info.commitHash through the public name equals the release (I3)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from coinquery.errors import RecordMoved, WrongCommitInPublic
from coinquery.rollout.step import Observation, holds, waiting

if TYPE_CHECKING:
    from coinquery.dns.world import Info, World
    from coinquery.rollout.proof import MonitorProof
    from coinquery.rollout.rollout import Means, Rollout


class VerifyInPublic:
    """Asks every authoritative server, then HTTPS at every address that they give."""

    title = "verify in public"

    def __init__(self, rollout: Rollout, means: Means, world: World) -> None:
        self._rollout = rollout
        self._names = means.names
        self._world = world
        self._servers = means.config.verify.name_servers
        self.limit = means.config.waits.verify

    def intent(self) -> str:
        """What the plan shows."""
        return f"https://{self._names.public.name}/info answers commit {self._rollout.release.commit}"

    def observe(self) -> Observation:
        """What the world sees."""
        self._refuse_moved()
        answers = self._world.ask(self._servers or self._names.public.zone.check(self._names.public.name), self._name)
        silent = [f"{answer.server}: {answer.problem}" for answer in answers if answer.problem]
        if silent or not answers:
            return waiting("; ".join(silent) or "the zone has no name servers")
        addresses = sorted({address for answer in answers for address in answer.addresses})
        infos = [self._world.info(self._name, address) for address in addresses]
        wrong = [self._judge(info) for info in infos if info.commit != self._rollout.release.commit]
        if wrong:
            return waiting("; ".join(wrong))
        return holds(f"{len(answers)} name servers, {len(addresses)} addresses, commit {self._rollout.release.commit}")

    def act(self) -> None:
        """Nothing: the world follows by itself."""

    @property
    def _name(self) -> str:
        return self._names.public.name

    def _refuse_moved(self) -> None:
        stack = self._rollout.created
        if not self._names.leads_to(stack.outputs):
            raise RecordMoved(
                f"{self._name} was moved away from {stack.name} while it was verified", "Look at it with: cq dns show"
            )

    def _judge(self, info: Info) -> str:
        if info.commit is not None and info.stack == str(self._rollout.reserved):
            raise WrongCommitInPublic(
                f"https://{self._name}/info at {info.address} answers commit {info.commit}, "
                f"the release is {self._rollout.release.commit}",
                f"The name leads to {info.stack}. Give it back with: cq rollback {self._rollout.coin.ticker}",
            )
        return f"{info.address} answers {info.problem or info.commit}"


class VerifyInside:
    """The private name can't be asked from outside: the monitor, which is inside, must have looked since the switch."""

    title = "verify inside"

    def __init__(self, rollout: Rollout, means: Means, proof: MonitorProof) -> None:
        self._rollout = rollout
        self._proof = proof
        self.limit = means.config.waits.verify

    def intent(self) -> str:
        """What the plan shows."""
        return "the monitor logs every instance healthy after the switch"

    def observe(self) -> Observation:
        """Which instances the monitor has not looked at since the switch."""
        switched = datetime.fromisoformat(self._rollout.notes.get("switched") or "")
        gaps = self._proof.unseen_since(switched)
        if gaps:
            self._proof.ask()
            return waiting("; ".join(f"{who}: {why}" for who, why in gaps.items()))
        return holds("logged healthy since the switch")

    def act(self) -> None:
        """Nothing: the monitor looks by itself, and was asked to."""
