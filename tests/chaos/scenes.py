"""Steps of the state machine in a fixed order: what a planted bug is shown to, so that it must be seen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import coinquery
from tests.chaos.ground import playing, standing
from tests.chaos.machine import Machine, Violated
from tests.chaos.troubles import Before, Kill
from tests.teams import REGION, RELEASES

OLD, NEW = RELEASES


def life(m: Machine) -> None:
    """Two releases, a stack below production, the way back, and a retirement in time."""
    act(
        m, lambda: m.deploy(OLD, False, None), lambda: m.mistype("cq-{}-0001-prod\n"), lambda: m.mistype("cq-{}-1-prod")
    )
    act(m, lambda: m.deploy_to_stage(None), lambda: m.the_monitor_looks(1))
    act(m, lambda: m.deploy(NEW, False, None), lambda: m.look_on(("ls",)), lambda: m.rollback(None))
    act(m, lambda: m.retire_in_time(0, None))


def ladder(m: Machine) -> None:
    """Everything that the ladder refuses."""
    act(m, lambda: m.deploy(OLD, False, None), lambda: m.deploy(NEW, False, None))
    act(m, lambda: m.retire(1, "right", True, None), lambda: m.time_passes(1))
    act(m, lambda: m.the_monitor_looks(2), lambda: m.retire(0, "right", False, None))
    act(m, lambda: m.time_passes(11), lambda: m.the_monitor_looks(2))
    act(m, lambda: m.meddle("requests", 0), lambda: m.retire(0, "right", False, None))
    act(m, lambda: m.time_passes(4), lambda: m.the_monitor_looks(2))
    act(m, lambda: m.retire(0, "wrong", False, None), lambda: m.retire(0, "none", True, None))


def blind(m: Machine) -> None:
    """Nodes, references and the monitor fail in turn."""
    act(m, lambda: m.deploy(OLD, False, None), lambda: m.harm("wrong commit", 0), lambda: m.the_monitor_looks(1))
    act(m, m.mend, lambda: m.harm("references", 0), lambda: m.time_passes(1), lambda: m.the_monitor_looks(1))
    act(m, m.mend, lambda: m.harm("off", 0), lambda: m.deploy(NEW, True, None))


def others(m: Machine) -> None:
    """Others act in the middle of a switch, and a stack of the next name stands already."""
    act(m, lambda: m.deploy(OLD, False, None))
    killing = Before("ModifyLoadBalancerAttributes", lambda: m.others.act("kills an instance", 2))
    act(m, lambda: m.deploy(NEW, False, killing), m.mend, lambda: m.deploy(NEW, False, None))
    taking = Before("ChangeResourceRecordSets", lambda: m.others.act("moves the public record", 0), turn=2)
    act(m, lambda: m.deploy(OLD, True, taking))
    act(m, lambda: m.meddle("stack", 0), lambda: m.deploy(NEW, True, None))


def raced(m: Machine) -> None:
    """Another takes the number that was proposed, before its hint is written, and has no stack yet."""

    def take() -> None:
        m.others.acted.append("takes the number")
        words = ("deploy", m.coin, "--release", NEW, "--region", REGION, "--yes", "--wait", m.play.terms.stay)
        m.play.run(words, [m.model.on_call], [Before("CreateStack")])

    act(m, lambda: m.deploy(OLD, False, Before("PutParameter", take, end=f"/latest/{m.coin}/prod")))


def met(m: Machine) -> None:
    """A deploy would move the name to a stack right before its retirement is decided, and finds that one's lock."""
    act(m, lambda: m.deploy(OLD, False, None), lambda: m.deploy(NEW, False, Before("PutParameter", end="/way-back")))
    deploy = ("deploy", m.coin, "--release", NEW, "--region", REGION, "--yes")
    act(m, lambda: m.retire(1, "right", False, Before("PutParameter", lambda: m.others.command(*deploy), end="/fate")))


def killed(m: Machine) -> None:
    """Killed on the way, and right before it is noted that the team was told."""
    act(m, lambda: m.deploy(OLD, False, Kill(3, after=True)), m.carry_on)
    act(m, lambda: m.deploy(NEW, False, Before("PutParameter", end="/announced")), m.carry_on)


def act(m: Machine, *steps: Callable[[], object]) -> None:
    """Make steps, and look after each."""
    for step in steps:
        step()
        m.what_must_hold()


SCENES = {scene.__name__: scene for scene in (life, ladder, blind, others, raced, met, killed)}


def main() -> None:
    """Play a scene by the source in one folder, in the world of another, with coins of that number on."""
    source, folder, block, first, name = sys.argv[1:]
    assert Path(coinquery.__file__).is_relative_to(source), coinquery.__file__
    with playing(standing(Path(folder), int(block)), int(first)) as world:
        Machine.world = world
        machine = Machine()
        try:
            SCENES[name](machine)
        except Violated as violated:
            print(f"VIOLATED {violated}")
            sys.exit(9)
        finally:
            machine.teardown()
    print("NOTHING VIOLATED")


if __name__ == "__main__":
    main()
