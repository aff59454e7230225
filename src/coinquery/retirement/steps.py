"""The steps of a retirement: climb the ladder, lift the protection, delete the stack."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from coinquery.durations import Duration
from coinquery.rollout.step import Observation, holds, missing, waiting
from coinquery.stacks import stack as stacks
from coinquery.stacks.create import failure, first_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_cloudformation import CloudFormationClient

    from coinquery.clock import Clock
    from coinquery.retirement.ladder import Ladder
    from coinquery.retirement.rung import Rung
    from coinquery.stacks.protection import Protector
    from coinquery.stacks.stack import Stack


class ClimbLadder:
    """Holds when every rung lets pass; raises the refusal of the first that does not.

    ``build`` makes the ladder of what stands now, None if the stack is gone: a run that slept believes nothing of what
    it saw before. ``skipped`` are the rungs that were skipped when it was last climbed.
    """

    title = "climb the ladder"
    limit = Duration(300)

    def __init__(self, build: Callable[[], Ladder | None]) -> None:
        self._build = build
        self.skipped: tuple[Rung, ...] = ()

    def intent(self) -> str:
        """What the plan shows."""
        return "every rung holds, or refuses"

    def observe(self) -> Observation:
        """Look at every rung."""
        ladder = self._build()
        if ladder is None:
            return holds("the stack is gone")
        self.skipped = ladder.climb()
        skipped = "; ".join(rung.told() for rung in self.skipped)
        return holds(f"every rung holds but those skipped: {skipped}" if skipped else "every rung holds")

    def act(self) -> None:
        """Nothing: a rung holds or refuses."""


class LetLockSettle:
    """Waits until all see a lock that was set at ``since``, and the locks of those who looked too early to see it.

    SSM does not promise that what was written is read at once ("returned on a best-effort basis",
    GetParametersByPath). Whoever sets a lock and reads too early to see this one has set it so early that it is seen
    after this wait, as long as SSM takes less than half of ``settle``.
    """

    title = "let the lock settle"

    def __init__(self, clock: Clock, since: datetime, settle: Duration) -> None:
        self._clock = clock
        self._end = since + timedelta(seconds=settle.seconds)
        self.limit = Duration(settle.seconds + 60)

    def intent(self) -> str:
        """What the plan shows."""
        return f"until {self._end:%H:%M:%S}Z"

    def observe(self) -> Observation:
        """What time it is."""
        return holds(self.intent()) if self._clock.now() >= self._end else waiting(self.intent())

    def act(self) -> None:
        """Nothing: time passes by itself."""


class LiftProtection:
    """Takes the protection off, load balancers first, the stack last."""

    title = "lift the protection"
    limit = Duration(120)

    def __init__(self, stack: Stack, cloudformation: CloudFormationClient, protector: Protector) -> None:
        self._stack = stack
        self._cloudformation = cloudformation
        self._protector = protector

    def intent(self) -> str:
        """What the plan shows."""
        return f"of {self._stack.name}"

    def observe(self) -> Observation:
        """What is still protected."""
        stack = stacks.read(self._cloudformation, self._stack.name)
        if stack is None or stack.status == "DELETE_IN_PROGRESS":
            return holds("nothing is left to lift")
        return missing("protected") if self._protector.protects(stack) else holds("not protected")

    def act(self) -> None:
        """Lift it, of the stack as it is now."""
        stack = stacks.read(self._cloudformation, self._stack.name)
        if stack is not None:
            self._protector.lift(stack)


class DeleteStack:
    """Deletes the stack and waits for its end. Logs, ledger, journal and snapshots stay."""

    title = "delete the stack"

    def __init__(self, stack: Stack, cloudformation: CloudFormationClient, limit: Duration) -> None:
        self._stack = stack
        self._cloudformation = cloudformation
        self._asked = False
        self.limit = limit

    def intent(self) -> str:
        """What the plan shows."""
        return f"{self._stack.name} in {self._stack.region}"

    def observe(self) -> Observation:
        """How far CloudFormation is."""
        stack = stacks.read(self._cloudformation, self._stack.name)
        if stack is None:
            return holds(f"{self._stack.name} is gone")
        if stack.status == "DELETE_FAILED" and self._asked:
            raise failure(
                f"{stack.name} is DELETE_FAILED",
                first_failure(self._cloudformation, stack.name),
                "Mend the cause, then run the same command again.",
            )
        deleting = stack.status == "DELETE_IN_PROGRESS"
        return waiting(f"{stack.name} is {stack.status}") if deleting else missing(stack.status)

    def act(self) -> None:
        """Ask CloudFormation to delete it. No token: it would make a second try after DELETE_FAILED a repetition."""
        self._cloudformation.delete_stack(StackName=str(self._stack.name))
        self._asked = True
