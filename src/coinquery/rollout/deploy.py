"""``cq deploy``: find the release, make the plan, and carry it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coinquery.aws import explain
from coinquery.errors import BadConfiguration, CoinQueryError, NumberTaken, WrongUse
from coinquery.naming import StackName
from coinquery.releases import images, release
from coinquery.releases.release import Release
from coinquery.rollout import identity, movers, plan, preflight
from coinquery.rollout.carrying_on import DEPLOY
from coinquery.rollout.rollout import Means, Rollout
from coinquery.rollout.steps import reserve
from coinquery.stacks.notes import LIVE, Key, Notes

if TYPE_CHECKING:
    from coinquery.releases.git import Git
    from coinquery.rollout.plan import Plan
    from coinquery.rollout.run import Run


@dataclass(frozen=True)
class Order:
    """What is to be deployed: ``release`` is a tag, or any revision where the level is below production.

    ``new`` asks for another rollout of the same release; ``number`` for one number, which is refused if it was used.
    ``snapshot`` is restored as chain data in place of the coin's own.
    """

    coin: str
    release: str
    level: str
    region: str | None = None
    new: bool = False
    number: int | None = None
    snapshot: str | None = None


def make_plan(means: Means, git: Git, order: Order) -> Plan:
    """Find everything that the rollout needs and lay out its steps; nothing is changed.

    Raises what is wrong with the order, the release, the configuration or the region.
    """
    config, coin, level = means.config, means.config.catalogue[order.coin], means.config.level(order.level)
    region = order.region or _only_region(order.level, level.regions)
    preflight.check_region(order.level, level, region)
    found = _find(means, git, order)
    image = images.image(means.aws.ecr(region), config.repository, found.commit)
    key = Key(order.coin, order.level, region, found.tag)
    notes = (identity.another if order.new else identity.joined)(means.store, key)
    _check_number(means, order, notes)
    snapshot = coin.snapshot if order.snapshot is None else order.snapshot
    preflight.check_snapshot(means.aws, region, snapshot)
    rollout = Rollout(notes, coin, level, order.level, region, found, image, snapshot)
    return plan.make(rollout, means, order.number)


def carry_out(planned: Plan, means: Means, run: Run, *, new: bool) -> None:
    """Do what the plan says and note the end, in the journal first: who carries on after that has nothing to do.

    With ``new`` the rollout is begun as one that nobody else drives.
    """
    rollout = planned.rollout
    if new:
        with run.leading_to(*(step.title for step in planned.steps)):
            rollout.notes = identity.claim(rollout.notes, means.clock.now())
    try:
        with planned.chapter.stopping(DEPLOY):
            _drive(planned, means, run)
    except KeyboardInterrupt as stop:
        raise (identity.NewRolloutStopped if new else KeyboardInterrupt) from stop
    except Exception as error:
        known = error if isinstance(error, CoinQueryError) else explain(error)
        if not new or known is None:
            raise
        remedy = known.remedy.replace("the same command", "the same command without --new")
        carry_on = " Then carry on without --new." if isinstance(known, WrongUse) else ""
        raise type(known)(known.what, remedy + carry_on) from error


def _drive(planned: Plan, means: Means, run: Run) -> None:
    rollout, chapter = planned.rollout, planned.chapter
    run.carry_out(planned.steps)
    with run.leading_to("note that it is live"):
        live = f"{means.names.public.name} answers {rollout.release.commit}"
        if rollout.notes.marked(LIVE) is not None:
            chapter.close(DEPLOY, "live", live)
            return
        movers.refuse_moved(means, rollout.created)
        chapter.once(DEPLOY, "live", live)
        rollout.notes.mark(LIVE, means.clock.now(), means.journal.who)


def _find(means: Means, git: Git, order: Order) -> Release:
    config = means.config
    if order.level == "prod":
        return release.find(git, order.release, config.remote, config.production_branch)
    commit = release.resolve(git, order.release, config.remote)
    return Release(tag=commit, commit=commit, author=git("log", "-1", "--format=%an", commit), date=datetime.now(UTC))


def _only_region(level: str, regions: tuple[str, ...]) -> str:
    if len(regions) > 1:
        raise BadConfiguration(f"{level} may live in several regions: {', '.join(regions)}", "Say which with --region.")
    return regions[0]


def _check_number(means: Means, order: Order, notes: Notes) -> None:
    if order.number is None:
        return
    given = reserve.chosen(notes, means.ledger)
    if given is not None and given[0].number != order.number:
        raise NumberTaken(
            f"rollout {notes.id} has number {given[0].number:04} already, not {order.number:04}",
            "Leave --number away to carry on with it, or begin another rollout with --new.",
        )
    name = StackName(order.coin, order.number, order.level)
    entry = means.ledger.entry(name)
    if entry is not None and entry.rollout != notes.id:
        raise reserve.taken(name, entry)
