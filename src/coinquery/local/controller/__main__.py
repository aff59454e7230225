"""Make what the AWS API says run: ``python -m coinquery.local.controller``.

Several times a second, it makes this machine agree with the API's lists in each region, which it reads through the
public API only: every second while changes are under way, as the gateway's mark tells, every ten else. Ended by
SIGTERM, it ends all that it started; killed, it leaves all running, and the next one takes it over.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial

from coinquery.aws import Aws
from coinquery.errors import LocalAwsBroken
from coinquery.local import environment
from coinquery.local.checks import Check, Checker
from coinquery.local.configuration import all_regions
from coinquery.local.controller import balancer, groups, tasks
from coinquery.local.controller.balancer import Balancer, TargetGroup
from coinquery.local.controller.memory import Memory
from coinquery.local.controller.metrics import INTERVAL, Metrics
from coinquery.local.programs import Programs
from coinquery.local.state import State

PAUSE = 0.4
_log = logging.getLogger("controller")


class Controller:
    """The regions of one world."""

    def __init__(self, state: State, aws: Aws, regions: Sequence[str]) -> None:
        self._state, self._aws, self._regions = state, aws, regions
        self._programs = Programs(state)
        self._checker = Checker()
        self._addresses = balancer.Addresses(state)
        self._metrics = Metrics(aws)
        self._memories = [Memory(state.calls, region) for region in regions]
        self._published = time.monotonic()

    def step(self) -> None:
        """Read everything, then act: where a reading fails, all stays as it is."""
        for memory in self._memories:
            memory.refresh()
        found = {region: groups.records(self._aws, region) for region in self._regions}
        taken = {record["PrivateIpAddress"] for records in found.values() for record in records}
        instances = [i for r in self._regions for i in groups.reconcile(self._aws, r, self._state, found[r], taken)]
        containers = [c for i in instances for c in self._containers(i)]
        known = (self._aws, self._state, self._addresses, {i.id: i.address for i in instances})
        balancers = {region: list(balancer.read(*known, region)) for region in self._regions}
        present = [b for of_region in balancers.values() for b in of_region]
        self._addresses.keep(b.dns_name for b in present)
        programs = [*(c.program for c in containers), *(balancer.program(self._state, b) for b in present)]
        self._check(containers, present)
        self._programs.keep({program.name: program for program in programs})
        self._publish(balancers)
        self._clear({instance.id for instance in instances})

    def _containers(self, instance: groups.Instance) -> list[tasks.Container]:
        """What runs on an instance; nothing, and the others are not the worse for it, where that is impossible."""
        try:
            return list(tasks.containers(self._aws, self._state, instance))
        except LocalAwsBroken as error:
            _log.error("%s of %s runs nothing: %s", instance.id, instance.group, error.what)
            return []

    def end(self) -> None:
        """End all that runs."""
        self._programs.end_all()

    def _check(self, containers: Iterable[tasks.Container], balancers: Sequence[Balancer]) -> None:
        """Restart containers that are unhealthy, send requests to targets that are healthy."""
        of_containers: dict[object, Check] = {c.program.name: c.check for c in containers if c.check}
        target_groups = [group for b in balancers for group in b.target_groups]
        self._checker.watch(of_containers | {(g.arn, i): g.checks[i] for g in target_groups for i in g.checks})
        for name in map(str, of_containers):
            if self._checker.state(name) == "unhealthy":
                _log.warning("%s is unhealthy and is restarted", name)
                self._programs.end(name)
                self._checker.forget(name)
        for group in target_groups:
            balancer.direct(self._state, group, self._healthy(group))

    def _healthy(self, group: TargetGroup) -> list[str]:
        return [i for i in group.addresses if self._checker.state((group.arn, i)) == "healthy"]

    def _publish(self, balancers: dict[str, list[Balancer]]) -> None:
        if time.monotonic() - self._published < INTERVAL:
            return
        self._published = time.monotonic()
        for region, present in balancers.items():
            for each in present:
                self._metrics.publish(region, each, {g.arn: len(self._healthy(g)) for g in each.target_groups})

    def _clear(self, hosts: set[str]) -> None:
        """Delete the volumes of instances that are gone."""
        for folder in self._state.folder("volumes").iterdir():
            if folder.name not in hosts and not self._programs.runs(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def _sparing(said: dict[str, float], record: logging.LogRecord) -> bool:
    """Let each message through once a minute; ``said`` remembers when."""
    message, now = record.getMessage(), time.monotonic()
    if now - said.get(message, -60.0) < 60:
        return False
    said[message] = now
    return True


def main() -> None:
    """Pass after pass, until SIGTERM."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    _log.addFilter(partial(_sparing, {}))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    state = State.default()
    environment.enter(state)
    os.environ["AWS_ENDPOINT_URL"] = state.ministack
    controller = Controller(state, Aws(), all_regions())
    try:
        while True:
            try:
                controller.step()
            except Exception as error:
                _log.exception("this pass failed, the next may not: %r", error)
            time.sleep(PAUSE)
    finally:
        controller.end()


if __name__ == "__main__":
    main()
