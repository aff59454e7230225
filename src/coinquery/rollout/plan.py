"""The plan of a rollout: made first, shown, then executed as it is: a dry run can't drift from the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.notify.announcer import Announcer
from coinquery.rollout import preflight
from coinquery.rollout.proof import MonitorProof, TargetProof
from coinquery.rollout.steps.announce import Announce
from coinquery.rollout.steps.confirm_protection import ConfirmProtection
from coinquery.rollout.steps.create import CreateStack
from coinquery.rollout.steps.find_release import FindRelease
from coinquery.rollout.steps.find_way_back import FindWayBack
from coinquery.rollout.steps.give_back import GiveBack
from coinquery.rollout.steps.reserve import ReserveStackName
from coinquery.rollout.steps.switch import SwitchDns
from coinquery.rollout.steps.verify import VerifyInPublic
from coinquery.rollout.steps.verify_inside import VerifyInside
from coinquery.rollout.steps.wait_for_monitor import WaitForMonitor
from coinquery.rollout.steps.wait_for_nodes import WaitForNodes
from coinquery.rollout.steps.wait_for_targets import WaitForTargets
from coinquery.stacks import foundation, parameters
from coinquery.stacks.notes import GIVING_BACK, SWITCHED
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.rollout.rollout import Means, Rollout
    from coinquery.rollout.step import Step
    from coinquery.rollout.way_back import GoingBack
    from coinquery.stacks.notes import Mark


@dataclass(frozen=True)
class Plan:
    """A rollout and its steps, in the order of the process document."""

    rollout: Rollout
    steps: tuple[Step, ...]


def make(rollout: Rollout, means: Means, number: int | None = None) -> Plan:
    """Check what must be right beforehand and lay out the steps; nothing is changed.

    Raises BadConfiguration and NotBootstrapped where something is not right.
    """
    given = _parameters(rollout, means)
    reserve = ReserveStackName(rollout, means.ledger, means.clock, number)
    begin = (FindRelease(rollout), reserve, CreateStack(rollout, means, given))
    steps = _production(rollout, means) if rollout.level_name == "prod" else _elsewhere(rollout, means)
    return Plan(rollout, begin + steps)


def _production(rollout: Rollout, means: Means) -> tuple[Step, ...]:
    aws, region, commit = means.aws, rollout.region, rollout.release.commit
    proof = MonitorProof(aws, means.config, means.clock, region, lambda: rollout.created)
    return (
        WaitForNodes(proof, means.config.waits.nodes),
        WaitForMonitor(proof, means.config.waits.monitor),
        ConfirmProtection(lambda: rollout.reserved, _protector(means, region)),
        SwitchDns(rollout, means, proof),
        VerifyInPublic(means, commit, lambda: rollout.created),
        *_inside(means, proof, lambda: rollout.notes.marked(SWITCHED)),
        Announce(rollout, means, Announcer.of(means.config, means.aws, means.clock)),
    )


def _elsewhere(rollout: Rollout, means: Means) -> tuple[Step, ...]:
    """Below production nothing is monitored, protected or announced."""
    proof = TargetProof(means.aws, rollout.region, lambda: rollout.created)
    return (
        WaitForTargets(proof, means.config.waits.nodes),
        SwitchDns(rollout, means, proof),
        VerifyInPublic(means, rollout.release.commit, lambda: rollout.created),
    )


def _inside(means: Means, proof: MonitorProof, moved: Callable[[], Mark | None]) -> tuple[Step, ...]:
    return (VerifyInside(proof, means.config.waits.verify, moved),) if means.names.private else ()


def way_back(means: Means, going: GoingBack) -> tuple[Step, ...]:
    """The steps of a rollback from one stack to the one before."""
    destination = going.destination
    find, verify = FindWayBack(going), VerifyInPublic(means, destination.commit, lambda: destination)
    if not destination.name.is_production:
        targets = TargetProof(means.aws, destination.region, lambda: destination)
        return (find, WaitForTargets(targets, means.config.waits.monitor), GiveBack(going, means, targets), verify)
    proof = MonitorProof(means.aws, means.config, means.clock, destination.region, lambda: destination)
    return (
        find,
        ConfirmProtection(lambda: destination.name, _protector(means, destination.region)),
        WaitForMonitor(proof, means.config.waits.monitor),
        GiveBack(going, means, proof),
        verify,
        *_inside(means, proof, lambda: going.notes.marked(GIVING_BACK)),
    )


def _protector(means: Means, region: str) -> Protector:
    return Protector(means.aws.cloudformation(region), means.aws.elbv2(region))


def _parameters(rollout: Rollout, means: Means) -> dict[str, str]:
    config, aws, coin, level, region = means.config, means.aws, rollout.coin, rollout.level, rollout.region
    preflight.check_images(coin)
    means.names.check()
    ground = foundation.read(aws, config, region)
    preflight.check_certificate(aws, level, coin, region)
    image_id = preflight.machine_image(aws, config, region)
    return {
        **parameters.network(config, level, coin, ground, region),
        **parameters.machines(coin, level.instances or coin.instances, image_id, rollout.snapshot),
        **parameters.containers(coin, rollout.image, rollout.release.tag),
    }
