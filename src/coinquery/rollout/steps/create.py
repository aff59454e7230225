"""Create the stack: CloudFormation, protected from birth (I5), joined only if it is this rollout's own (I4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import NotOurStack, RolloutEnded, StackFailed
from coinquery.rollout.identity import RETIRED
from coinquery.rollout.step import Observation, holds, missing, waiting
from coinquery.stacks import create
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.rollout.rollout import Means, Rollout


class CreateStack:
    """``parameters`` are the template's, as the plan fixed them."""

    title = "create the stack"

    def __init__(self, rollout: Rollout, means: Means, parameters: Mapping[str, str]) -> None:
        self._rollout = rollout
        self._journal = means.journal
        self._cloudformation = means.aws.cloudformation(rollout.region)
        self._parameters = parameters
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
            return missing(f"{name} does not exist yet")
        if stack.rollout != self._rollout.notes.id:
            raise NotOurStack(
                f"a stack {name} exists and belongs to {stack.rollout or 'nobody that its tags name'}",
                "Nothing was changed. See whose it is: cq status " + str(name),
            )
        if stack.failed:
            raise self._failure(stack)
        if stack.status != "CREATE_COMPLETE":
            return waiting(f"{name} is {stack.status}")
        self._rollout.stack = stack
        return holds(f"{name} is {stack.status}")

    def act(self) -> None:
        """Ask CloudFormation for the stack."""
        name, notes = self._rollout.reserved, self._rollout.notes
        if notes.get(RETIRED) is not None:
            raise RolloutEnded(f"{name} was retired", "Run the same command again: it takes the next number.")
        self._journal.write(name, self.title, "begins", notes.id, self._rollout.release.commit)
        create.create(self._cloudformation, name, self._parameters, self._rollout.tags)

    def _failure(self, stack: stacks.Stack) -> StackFailed:
        why = create.first_failure(self._cloudformation, stack.name)
        return StackFailed(
            f"{stack.name} is {stack.status}: {why}",
            f"No record was changed. Mend the cause, take it away with: cq retire {stack.name}; then deploy again.",
        )
