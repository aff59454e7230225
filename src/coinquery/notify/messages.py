"""What is announced: a new release, and a new production stack that is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinquery.durations import lasting
from coinquery.notify.blocks import Block, context, escape, fields, header, link, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coinquery.releases.release import Release

#: What Slack is sent: ``text`` for notifications and old clients, ``blocks`` for everybody else.
Message = dict[str, str | list[Block]]

#: Marks what may have been announced before (I11).
ANNOUNCED_BEFORE = "Possible repeat: this may have been announced before"


@dataclass(frozen=True)
class ProductionLive:
    """A production stack that a public name points to and that was verified there.

    ``seconds`` is the whole rollout's time. ``links`` are pairs of a text and an address, such as the stack in the
    console. ``possible_repeat`` marks an announcement that may have been made before (I11).
    """

    coin: str
    stack: str
    region: str
    release: str
    commit: str
    author: str
    public_name: str
    seconds: float
    links: tuple[tuple[str, str], ...] = ()
    release_url: str = ""
    commit_url: str = ""
    possible_repeat: bool = False


def new_release(release: Release, *, possible_repeat: bool = False) -> Message:
    """The message "New release"; ``possible_repeat`` marks one that may have been told before (I11)."""
    title = f"New release: {release.coin} {release.tag}"
    repeat = [context([ANNOUNCED_BEFORE])] if possible_repeat else []
    return {
        "text": escape(f"{title}, commit {release.commit[:12]}, by {release.author}", 1000),
        "blocks": [
            header(title),
            fields([
                ("Coin", escape(release.coin)),
                ("Release", link(release.url, release.tag)),
                ("Commit", link(release.commit_url, release.commit[:12])),
                ("Author", escape(release.author)),
            ]),
            section(release.notes),
            *repeat,
        ],
    }  # fmt: skip


def production_live(live: ProductionLive) -> Message:
    """The message "New production stack is live"."""
    title = f"New production stack is live: {live.stack}"
    small_print = [escape(f"Took {lasting(live.seconds)}"), *(link(address, text) for text, address in live.links)]
    if live.possible_repeat:
        small_print.insert(0, ANNOUNCED_BEFORE)
    return {
        "text": escape(f"{title} at {live.public_name}, release {live.release}, by {live.author}", 1000),
        "blocks": [
            header(title),
            fields([
                ("Coin", escape(live.coin)),
                ("Stack", escape(live.stack)),
                ("Region", escape(live.region)),
                ("Name", link(f"https://{live.public_name}/info", live.public_name)),
                ("Release", link(live.release_url, live.release)),
                ("Commit", link(live.commit_url, live.commit[:12])),
                ("Author", escape(live.author)),
            ]),
            context(small_print),
        ],
    }  # fmt: skip


def glass_broken(stack: str, who: str, reason: str, skipped: Sequence[str], possible_repeat: bool) -> Message:
    """The message that a stack is retired although rungs of its ladder do not hold: which, by whom, why."""
    title = f"Break-glass: {stack} is being retired"
    small_print = [escape(f"By {who}")]
    if possible_repeat:
        small_print.insert(0, "Possible repeat: this may have been told before")
    return {
        "text": escape(f"{title}, by {who}: {reason}", 1000),
        "blocks": [
            header(title),
            section(f"Why: {reason}"),
            section("Skipped: " + "; ".join(skipped)),
            context(small_print),
        ],
    }
