"""Create the stack: CloudFormation, protected from birth (I5), joined only if it is this rollout's own (I4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coinquery.errors import NotOurStack, RolloutEnded
from coinquery.rollout.moving import refuse_retired
from coinquery.rollout.step import Observation, holds, missing, waiting
from coinquery.stacks import create
from coinquery.stacks import stack as stacks
from coinquery.stacks.notes import CREATED
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.errors import CoinQueryError
    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means, Rollout


#: How late CloudFormation may show a stack that it was asked for.
NOT_SHOWN_YET = timedelta(minutes=1)


class CreateStack:
    """``parameters`` are the template's, as the plan fixed them; CloudFormation works under ``role``, if any."""

    title = "create the stack"

    def __init__(self, rollout: Rollout, means: Means, parameters: Mapping[str, str], role: str) -> None:
        self._rollout = rollout
        self._who = means.journal.who
        self._cloudformation = means.aws.cloudformation(rollout.region)
        self._parameters = parameters
        self._role = role
        self._clock = means.clock
        self._protector = Protector(self._cloudformation, means.aws.elbv2(rollout.region))
        self.limit = means.config.waits.create

    def intent(self) -> str:
        """What the plan shows."""
        count, kind = self._parameters["InstanceCount"], self._parameters["InstanceType"]
        protected = ", protected from birth" if self._rollout.level_name == "prod" else ""
        return f"{count} instances of {kind} in {self._rollout.region}{protected}"

    def observe(self) -> Observation:
        """How far CloudFormation is."""
        name = self._rollout.reserved
        stack = stacks.read(self._cloudformation, name)
        if stack is None:
            return self._absent(name)
        if stack.rollout != self._rollout.notes.id:
            raise NotOurStack(
                f"a stack {name} exists and belongs to {stack.rollout or 'nobody that its tags name'}",
                f"Nothing was changed. See whose it is: cq status {name}. Deploy into the next number with --new.",
            )
        if stack.commit != self._rollout.release.commit:
            raise NotOurStack(
                f"{name} was created from commit {stack.commit}; {self._rollout.release.tag} is "
                f"{self._rollout.release.commit} here: the tag was moved",
                f"Nothing was changed. Find out who moved it and put it back to {stack.commit}: then the same command "
                "carries on. What is to be released besides gets a new tag.",
            )
        if stack.failed:
            raise self._failure(stack)
        if self._rollout.notes.marked(CREATED) is None:
            return missing(f"{name} is {stack.status}, and that it was asked for is not noted")
        if stack.status == "UPDATE_COMPLETE":
            raise NotOurStack(
                f"{name} was updated by somebody, and a stack is never updated",
                "Nothing was changed. CloudTrail says by whom. Deploy into the next number with --new; then take this "
                f"one away: cq retire {name}",
            )
        if not stack.standing:
            return waiting(f"{name} is {stack.status}")
        self._rollout.stack = stack
        lost = self._protector.lost(stack) if name.is_production else ()
        if lost:
            return missing(f"{name} has lost {' and '.join(lost)}")
        return holds(f"{name} is {stack.status}")

    def act(self) -> None:
        """Ask CloudFormation for the stack."""
        name, notes = self._rollout.reserved, self._rollout.notes
        if self._rollout.stack is not None:
            self._protector.complete(name, self._protector.read(name))
            return
        refuse_retired(notes, name, self._clock.now())
        parameters = {**self._rollout.parameters, **self._parameters}
        create.create(self._cloudformation, name, parameters, self._rollout.tags, self._role)
        notes.mark(CREATED, self._clock.now(), self._who)

    def _absent(self, name: StackName) -> Observation:
        """Not created yet, or created a moment ago and not shown yet, or deleted since, which ends the rollout."""
        created = self._rollout.notes.marked(CREATED)
        if created is None:
            return missing(f"{name} does not exist yet")
        if self._clock.now() - datetime.fromisoformat(created.time) < NOT_SHOWN_YET:
            return waiting(f"{name} is asked for and not shown yet")
        raise RolloutEnded(
            f"{name} was created at {created.time} by {created.who} and is gone; its number is not used again",
            "Start another rollout of this release with --new.",
        )

    def _failure(self, stack: stacks.Stack) -> CoinQueryError:
        why = create.first_failure(self._cloudformation, stack.name)
        return create.failure(
            f"{stack.name} is {stack.status}",
            why,
            f"No record was changed. Mend the cause, take it away with: cq retire {stack.name}; then deploy again.",
        )
