"""The plan of a rollout: made first, shown, then executed as it is: a dry run can't drift from the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.naming import as_argument
from coinquery.notify.announcer import Announcer
from coinquery.rollout import preflight
from coinquery.rollout.carrying_on import CarryingOn
from coinquery.rollout.journaled import Journaled
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
from coinquery.rollout.unless_retired import UnlessRetired
from coinquery.stacks import foundation, parameters
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.notes import GIVING_BACK, SWITCHED
from coinquery.stacks.protection import Protector

if TYPE_CHECKING:
    from collections.abc import Callable

    from coinquery.naming import StackName
    from coinquery.rollout.rollout import Means, Rollout
    from coinquery.rollout.step import Step
    from coinquery.rollout.way_back import GoingBack
    from coinquery.stacks.notes import Mark
    from coinquery.stacks.stack import Stack


@dataclass(frozen=True)
class Plan:
    """A rollout and its steps, in the order of the process document; ``chapter`` is its part of the journal."""

    rollout: Rollout
    steps: tuple[Step, ...]
    chapter: Chapter


def make(rollout: Rollout, means: Means, number: int | None = None) -> Plan:
    """Check what must be right beforehand and lay out the steps; nothing is changed.

    Raises BadConfiguration and NotBootstrapped where something is not right.
    """
    roles = foundation.roles(means.aws, means.config)
    given = _parameters(rollout, means, roles)
    reserve = ReserveStackName(rollout, means.ledger, means.clock, means.journal.who, number)
    why = f"cq deploy, release {rollout.release.tag}, commit {rollout.release.commit}"
    chapter = Chapter(means.journal, lambda: rollout.reserved, lambda: rollout.notes.id, why)
    create = CreateStack(rollout, means, given, roles.cloudformation)
    begin = (FindRelease(rollout), CarryingOn(reserve, rollout, chapter), Journaled(create, chapter))
    steps = (_production if rollout.level_name == "prod" else _elsewhere)(rollout, means, chapter)
    return Plan(rollout, begin + steps, chapter)


def _production(rollout: Rollout, means: Means, chapter: Chapter) -> tuple[Step, ...]:
    aws, region, commit = means.aws, rollout.region, rollout.release.commit
    proof = MonitorProof(aws, means.config, means.clock, region, lambda: rollout.created)
    return (
        UnlessRetired(WaitForNodes(proof, means.config.waits.nodes), rollout),
        UnlessRetired(WaitForMonitor(proof, means.config.waits.monitor), rollout),
        Journaled(ConfirmProtection(lambda: rollout.reserved, _protector(means, region)), chapter),
        Journaled(SwitchDns(rollout, means, proof), chapter),
        VerifyInPublic(means, commit, lambda: rollout.created, _give_back(rollout)),
        *_inside(means, proof, lambda: rollout.notes.marked(SWITCHED), lambda: rollout.created),
        Journaled(Announce(rollout, means, Announcer.of(means.config, means.aws, means.clock)), chapter),
    )


def _elsewhere(rollout: Rollout, means: Means, chapter: Chapter) -> tuple[Step, ...]:
    """Below production nothing is monitored, protected or announced."""
    proof = TargetProof(means.aws, rollout.region, lambda: rollout.created)
    return (
        UnlessRetired(WaitForTargets(proof, means.config.waits.nodes), rollout),
        Journaled(SwitchDns(rollout, means, proof), chapter),
        VerifyInPublic(means, rollout.release.commit, lambda: rollout.created, _give_back(rollout)),
    )


def _give_back(rollout: Rollout) -> str:
    return f"Give it back with: cq rollback {as_argument(rollout.coin.ticker, rollout.level_name)}"


def _inside(
    means: Means, proof: MonitorProof, moved: Callable[[], Mark | None], stack: Callable[[], Stack]
) -> tuple[Step, ...]:
    return (VerifyInside(means, proof, moved, stack),) if means.names.private else ()


def way_back(means: Means, going: GoingBack) -> tuple[tuple[Step, ...], Chapter]:
    """The steps of a rollback from one stack to the one before, and its part of the journal of the first.

    The journal of the other one tells of its protection.
    """
    destination = going.destination
    leaving, coming = (_of_rollback(means, going, name) for name in (going.source, destination.name))
    deploy = f"Deploy the release that is wanted: cq deploy {destination.name.coin_argument} --release TAG"
    find, verify = FindWayBack(going), VerifyInPublic(means, destination.commit, lambda: destination, deploy)
    if not destination.name.is_production:
        targets = TargetProof(means.aws, destination.region, lambda: destination)
        give_back = Journaled(GiveBack(going, means, targets), leaving)
        return (find, WaitForTargets(targets, means.config.waits.monitor), give_back, verify), leaving
    proof = MonitorProof(means.aws, means.config, means.clock, destination.region, lambda: destination)
    steps: tuple[Step, ...] = (
        find,
        Journaled(ConfirmProtection(lambda: destination.name, _protector(means, destination.region)), coming),
        WaitForMonitor(proof, means.config.waits.monitor),
        Journaled(GiveBack(going, means, proof), leaving),
        verify,
        *_inside(means, proof, lambda: going.notes.marked(GIVING_BACK), lambda: destination),
    )
    return steps, leaving


def _of_rollback(means: Means, going: GoingBack, name: StackName) -> Chapter:
    return Chapter(means.journal, lambda: name, lambda: going.notes.id, f"cq rollback {name.coin_argument}")


def _protector(means: Means, region: str) -> Protector:
    return Protector(means.aws.cloudformation(region), means.aws.elbv2(region))


def _parameters(rollout: Rollout, means: Means, roles: foundation.Roles) -> dict[str, str]:
    config, aws, coin, level, region = means.config, means.aws, rollout.coin, rollout.level, rollout.region
    preflight.check_images(coin)
    means.names.check()
    ground = foundation.read(aws, config, region)
    preflight.check_certificate(aws, level, coin, region)
    image_id = preflight.machine_image(aws, config, region)
    return {
        **parameters.network(config, level, coin, ground, region),
        **parameters.rights(roles),
        **parameters.machines(coin, level.instances or coin.instances, image_id, rollout.snapshot),
        **parameters.containers(coin, rollout.image, rollout.release.tag),
    }
