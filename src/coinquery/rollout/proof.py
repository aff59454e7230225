"""Proof that every instance of a stack may serve: no answer, an old answer and an unreadable answer are none (I7)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from coinquery.aws import explain
from coinquery.errors import CoinQueryError, InstanceNotProven, NotPermitted
from coinquery.monitor import gate, invoke
from coinquery.monitor.record_log import RecordLog
from coinquery.stacks import instances

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config
    from coinquery.monitor.records import Record
    from coinquery.stacks.stack import Stack

#: Verdicts that no waiting mends; repeated, they end a rollout.
HOPELESS = ("wrong-chain", "wrong-commit")


class Proof(Protocol):
    """What a switch asks for. ``demand`` says what it takes."""

    demand: str

    def gaps(self) -> dict[str, str]:
        """Why each expected instance that is not proven is not; empty if all are."""
        ...


class MonitorProof:
    """The monitor's records of a production stack, against the instances that EC2 has.

    ``stack`` gives the stack; it is called when proof is asked for, so a plan can be made before there is one.
    """

    def __init__(self, aws: Aws, config: Config, clock: Clock, region: str, stack: Callable[[], Stack]) -> None:
        self._ec2 = aws.ec2(region)
        self._functions = aws.functions(region)
        self._log = RecordLog(aws.logs(region))
        self._clock = clock
        self._stack = stack
        self._pause = timedelta(seconds=config.waits.ask.seconds)
        self._in_a_row = config.thresholds.healthy_records
        self._record_age = timedelta(seconds=config.waits.record_age.seconds)
        self._asked: datetime | None = None
        self._problem: dict[str, str] = {}
        self.demand = f"{self._in_a_row} healthy records in a row of every instance"

    def ask(self) -> None:
        """Ask the monitor to look now, unless it was asked a moment ago; a busy one will look by itself.

        A monitor that is off or fails is a gap in the proof, not the end: somebody may switch it on. One that may not
        be asked is the end.
        """
        now = self._clock.now()
        if self._asked is not None and now - self._asked < self._pause:
            return
        self._asked = now
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            invoke.ask(self._functions)
            self._problem = {}
        except (CoinQueryError, BotoCoreError, ClientError) as error:
            if isinstance(explain(error), NotPermitted):
                raise
            self._problem = {"monitor": str(error)}

    def out_of_step(self) -> dict[str, str]:
        """What the newest record of each instance says, where that is not ``healthy``.

        Raises InstanceNotProven for an instance that no waiting mends.
        """
        running, gaps = self._running()
        records = self._read()
        for who in running:
            own = [record for record in records if record.instance == who]
            self._refuse_hopeless(own)
            if not own:
                gaps[who] = "the monitor has not logged it yet"
            elif own[-1].verdict != "healthy":
                gaps[who] = f"{own[-1].verdict}: {own[-1].reason}"
        return gaps

    def gaps(self) -> dict[str, str]:
        """Why each instance that is not proven is not."""
        running, gaps = self._running()
        launched = {who: instance.launched for who, instance in running.items()}
        stack = self._stack()
        demand = gate.Demand(str(stack.name), stack.commit, self._record_age, self._in_a_row)
        judged = gate.proof(self._read(), launched, demand, self._clock.now())
        return gaps | {who: verdict.reason for who, verdict in judged.items() if isinstance(verdict, gate.Missing)}

    def unseen_since(self, moment: datetime) -> dict[str, str]:
        """Which instances the monitor has not logged healthy since a moment."""
        running, gaps = self._running()
        seen = {record.instance for record in self._read() if record.verdict == "healthy" and record.time > moment}
        return gaps | {who: f"not logged healthy since {moment:%H:%M:%S}Z" for who in running if who not in seen}

    def _running(self) -> tuple[dict[str, instances.Instance], dict[str, str]]:
        stack = self._stack()
        found = instances.of_stack(self._ec2, stack.name)
        running = {who: instance for who, instance in found.items() if instance.running}
        if len(running) == stack.instances != 0:
            return running, dict(self._problem)
        return running, self._problem | {"instances": f"{len(running)} of {stack.instances} are running"}

    def _read(self) -> list[Record]:
        return self._log.read(str(self._stack().name), self._clock.now() - self._record_age * self._in_a_row)

    def _refuse_hopeless(self, own: list[Record]) -> None:
        last = own[-self._in_a_row :]
        if len(last) == self._in_a_row and all(record.verdict in HOPELESS for record in last):
            coin = self._stack().name.coin_argument
            raise InstanceNotProven(
                f"instance {last[-1].instance} of {last[-1].stack} is {last[-1].verdict}: {last[-1].reason}",
                f"No record was changed now. If the name leads to it already (cq dns show {coin} tells): cq rollback "
                f"{coin}. Then take it away: cq retire {last[-1].stack}; mend the cause; deploy with --new",
            )


class TargetProof:
    """The load balancer's health checks, for stacks that the monitor does not look at (I15)."""

    demand = "every instance is a healthy target"

    def __init__(self, aws: Aws, region: str, stack: Callable[[], Stack]) -> None:
        self._elbv2 = aws.elbv2(region)
        self._stack = stack

    def gaps(self) -> dict[str, str]:
        """What the load balancer says of each target that is not healthy, and whether some are missing.

        A target that drains is an instance that left, not one that is expected.
        """
        stack = self._stack()
        group = stack.output("TargetGroupArn")
        targets = self._elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        told = {target["Target"]["Id"]: target["TargetHealth"] for target in targets}
        states = {who: health for who, health in told.items() if health.get("State") != "draining"}
        gaps = {
            who: f"{health.get('State')} {health.get('Description', '')}".strip()
            for who, health in states.items()
            if health.get("State") != "healthy"
        }
        if not states or len(states) < stack.instances:
            gaps["instances"] = f"{len(states)} of {stack.instances} are registered"
        return gaps


def told(gaps: Mapping[str, str]) -> str:
    """Gaps in the proof in one line, for people."""
    return "; ".join(f"{who}: {why}" for who, why in gaps.items())


def require(proof: Proof) -> None:
    """Raise InstanceNotProven unless every expected instance is proven at this moment (I7)."""
    gaps = proof.gaps()
    if gaps:
        raise InstanceNotProven(
            f"not every instance is proven at the moment of the move: {told(gaps)}",
            "The record was not moved. Run the same command again: it waits for proof.",
        )
