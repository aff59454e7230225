"""What a bootstrap tells the journal, which it brings into the account itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.account import caller
from coinquery.errors import NotBootstrapped
from coinquery.rollout.journaled import Journaled
from coinquery.stacks.chapter import Chapter
from coinquery.stacks.journal import OTHERS, Journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinquery.aws import Aws
    from coinquery.clock import Clock
    from coinquery.config import Config
    from coinquery.rollout.step import Step


class FirstChapter(Chapter):
    """A chapter that is written from the moment on at which there is a journal."""

    def _write(self, what: str, result: str, detail: str) -> None:
        try:
            super()._write(what, result, detail)
        except NotBootstrapped:
            return


def journaled(steps: Iterable[Step], aws: Aws, config: Config, clock: Clock, region: str) -> tuple[Step, ...]:
    """The steps for a region, their changes told in the home region's journal, stream ``bootstrap-REGION``."""
    journal = Journal(aws.logs(config.home_region), clock, caller(aws, config.home_region))
    chapter = FirstChapter(journal, lambda: OTHERS + region, lambda: "", f"cq bootstrap --region {region}")
    return tuple(Journaled(step, chapter) for step in steps)
