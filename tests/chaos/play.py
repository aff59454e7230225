"""A world in which commands run in this process, by the clock that they share with the monitor beside them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import msgspec

from coinquery import cli, config
from coinquery.monitor.configuration import LOG_GROUP, Configuration
from coinquery.monitor.sweep import Limits
from coinquery.monitor.watch import Watch
from tests.chaos.wire import Killed, Sent, Switchboard, Trouble, Watcher, Wire, json_answer
from tests.teams import REGION

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

    from coinquery.aws import Aws
    from coinquery.monitor.records import Record
    from tests.chaos.simulated import ShiftingClock, Theatre
    from tests.chaos.terms import Terms
    from tests.teams import Team


@dataclass
class Ended:
    """A command that ended: ``code`` is None if it was killed."""

    words: tuple[str, ...]
    code: int | None
    out: str
    said: str
    wire: Wire


@dataclass
class Monitor:
    """The monitor's function, in this process. ``state`` is on, off, failing or busy."""

    aws: Aws
    clock: ShiftingClock
    state: str = "on"
    configuration: Configuration | None = None
    seen: list[Record] = field(default_factory=list)

    def __call__(self, sent: Sent) -> AWSResponse | None:
        """The trouble that answers for the function."""
        if (sent.service, sent.operation) != ("lambda", "Invoke"):
            return None
        if self.state == "off":
            return sent.refused("ResourceNotFoundException", "Function not found: coinquery-monitor", 404)
        if self.state == "busy":
            return sent.refused("TooManyRequestsException", "Rate Exceeded.", 429)
        if self.state == "failing":
            failed = json_answer(b'{"errorMessage": "out of memory"}', {"X-Amz-Function-Error": "Unhandled"})
            return sent.answered(failed)
        return self.answer(sent)

    def answer(self, sent: Sent) -> AWSResponse | None:
        """What the function answers while it is on."""
        return sent.answered(json_answer(msgspec.json.encode(self.sweep())))

    def sweep(self) -> object:
        """One sweep of the region."""
        assert self.configuration is not None
        return Watch(
            region=REGION,
            aws=self.aws,
            configuration=self.configuration,
            clock=self.clock,
            by="monitor",
            limits=Limits(sweep=20, reserve=5, question=2),
            on_record=self.seen.append,
        ).once()


class Hand:
    """Somebody with the console open: clients that reach the API behind the rules."""

    def __init__(self, endpoint: str) -> None:
        def client(service: str) -> Any:
            return boto3.client(cast("Any", service), region_name=REGION, endpoint_url=endpoint)

        self.cloudformation, self.ssm, self.logs = client("cloudformation"), client("ssm"), client("logs")
        self.route53, self.ec2, self.elbv2 = client("route53"), client("ec2"), client("elbv2")
        self.cloudwatch, self.events = client("cloudwatch"), client("events")


@dataclass
class Play:
    """``monitor_wire`` notes what the monitor asks of AWS; ``base`` is the team's cq.toml, whose coin is eth."""

    team: Team
    terms: Terms
    stage: Theatre
    switchboard: Switchboard
    hand: Hand
    monitor: Monitor
    monitor_wire: Wire
    base: str
    secret: str
    coins: Iterator[int]

    @property
    def clock(self) -> ShiftingClock:
        """The clock that all share."""
        return self.stage.clock

    def begin(self) -> str:
        """A coin that nobody has used yet, at the time of day, before a monitor that knows of it."""
        ticker = f"k{next(self.coins):03}"
        self.team.path.write_text(self.base.replace("coins.eth", f"coins.{ticker}"), "utf-8")
        self.clock.shift = 0.0
        self.stage.mute.clear()
        self.stage.commits.clear()
        self.stage.chain.behind.clear()
        self.stage.chain.is_down = False
        self.monitor.state = "on"
        self.prepare_monitor()
        return ticker

    def prepare_monitor(self) -> None:
        """It knows the coin, and nothing of hours that have not come yet."""
        self.hand.logs.delete_log_group(logGroupName=LOG_GROUP)
        self.hand.logs.create_log_group(logGroupName=LOG_GROUP)
        self.monitor.configuration = Configuration.from_config(config.load(str(self.team.path)))

    def run(self, words: Sequence[str], watchers: Sequence[Watcher] = (), troubles: Sequence[Trouble] = ()) -> Ended:
        """The command line with these words, to its end."""
        wire = Wire(watchers=list(watchers), troubles=[*troubles, self.monitor, self._built, self._dated])
        out, said = io.StringIO(), io.StringIO()
        code: int | None = None
        with self.switchboard.wire(wire), redirect_stdout(out), redirect_stderr(said):
            try:
                code = cli.run(list(words), self.clock)
            except Killed:
                code = None
        if wire.changes:
            self.stage.settle()
        return Ended(tuple(words), None if wire.dead else code, out.getvalue(), said.getvalue(), wire)

    def _built(self, sent: Sent) -> AWSResponse | None:
        """CloudFormation's answer comes when the stage has followed it: instances are there, or gone, at once."""
        if sent.service != "cloudformation" or not sent.changes:
            return None
        answer = sent.send()
        self.stage.settle()
        return answer

    def _dated(self, sent: Sent) -> AWSResponse | None:
        """AWS's clock is the one that all share."""
        if sent.service != "sts":
            return None
        answer = sent.send()
        answer.headers["Date"] = format_datetime(self.clock.now(), usegmt=True)
        return answer

    def clear(self, ticker: str) -> None:
        """Take away what a coin has, so that later ones need not wade through it."""
        cloudformation = self.hand.cloudformation
        for page in cloudformation.get_paginator("describe_stacks").paginate():
            for name in (s["StackName"] for s in page["Stacks"] if s["StackName"].startswith(f"cq-{ticker}-")):
                cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
                cloudformation.delete_stack(StackName=name)
        self.stage.settle()
