"""All witnesses of one coin in one sweep, and the head that each stack is measured against."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from coinquery.monitor import references
from coinquery.monitor.head import Head, Word, agree
from coinquery.nodes import NodeError, anchors
from coinquery.nodes.answers import attempt

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from coinquery.monitor.configuration import Watched


#: Blocks below the head beyond which no hash is compared, whatever the tolerance: nodes tell that many and some more.
WIDEST = 30


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of all coins from one sweep to the next: words, and when each reference was asked last."""

    words: tuple[Word, ...] = ()
    asked: dict[str, datetime] = {}


class Witnesses:
    """What was said of one coin in this sweep."""

    def __init__(self, coin: Watched, memory: Memory, complaints: Sequence[str]) -> None:
        self.memory = memory
        self._coin = coin
        self._complaints = complaints
        self._heads: dict[str, Head] = {}

    def head_for(self, stack: str) -> Head:
        """The head to measure a stack against: its own nodes have no say in it."""
        if stack not in self._heads:
            self._heads[stack] = self._agree([word for word in self.memory.words if word.by != stack])
        return self._heads[stack]

    def _agree(self, words: Sequence[Word]) -> Head:
        configured = {references.name(reference) for reference in self._coin.references}
        asked = len(configured) + sum(word.kind == "stack" for word in words)
        head = agree(words, asked, self._coin.tolerance_blocks)
        if head.height is None and self._complaints:
            return msgspec.structs.replace(head, why="; ".join([head.why, *self._complaints]))
        return head


@dataclass(frozen=True)
class Hearing:
    """How witnesses are heard; ``seconds`` bounds each question."""

    session: ClientSession
    now: datetime
    seconds: float

    async def of(self, ticker: str, coin: Watched, memory: Memory, askers: Mapping[str, int]) -> Witnesses:
        """Ask the references of one coin that their budget allows, and take the rest from what was said before.

        ``askers`` is how many share the budget of each, one where it does not say. Words older than the coin's
        tolerance are forgotten.
        """
        fresh = [w for w in memory.words if w.coin == ticker and (self.now - w.at).total_seconds() <= coin.tolerance]
        configured = {references.name(reference): reference for reference in coin.references}
        due = [
            references.Witness(self.session, ticker, reference, self.seconds)
            for by, reference in configured.items()
            if references.is_due(reference, memory.asked.get(f"{ticker} {by}"), self.now, askers.get(by, 1))
        ]
        answers = await asyncio.gather(*(attempt(witness.word(self.now)) for witness in due))
        said = {witness: answer for witness, answer in zip(due, answers, strict=True) if isinstance(answer, Word)}
        asked_now = {witness.name for witness in due}
        kept = [w for w in fresh if w.kind == "stack" or (w.by in configured and w.by not in asked_now)]
        told = {w.by: w.hashes for w in fresh if w.kind == "reference"}
        words = [*await _with_hashes(said, kept, told, coin), *kept]
        asked = {f"{ticker} {by}": self.now for by in asked_now}
        return Witnesses(coin, Memory(words=tuple(words), asked=asked), _complaints(due, answers))


async def _with_hashes(
    said: Mapping[references.Witness, Word],
    kept: Sequence[Word],
    told: Mapping[str, dict[int, str]],
    coin: Watched,
) -> list[Word]:
    """What was said, with hashes of blocks below the head that all witnesses give together.

    One block is as near to the head as can be, so that a fork is seen soon; one is so far below that every node within
    the coin's tolerance has it.
    """
    head = agree([*said.values(), *kept], 0, coin.tolerance_blocks).height
    if head is None:
        return list(said.values())
    heights = {anchors.height(head), anchors.height(head - min(coin.tolerance_blocks, WIDEST))}
    wanted = sorted(height for height in heights if height is not None)
    among = anchors.heights(head)
    return list(
        await asyncio.gather(
            *(
                _with_hash(w, word, wanted, {h: known for h, known in told.get(w.name, {}).items() if h in among})
                for w, word in said.items()
            )
        )
    )


async def _with_hash(witness: references.Witness, word: Word, wanted: Sequence[int], told: dict[int, str]) -> Word:
    """A word with the hashes at the wanted heights, which are asked for unless they were told before."""
    found = await anchors.hashes(witness.hash_at, [height for height in wanted if height not in told])
    return msgspec.structs.replace(word, hashes=told | found)


def _complaints(due: Sequence[references.Witness], answers: Sequence[Word | NodeError]) -> list[str]:
    return [f"{w.name}: {w.complaint(a)}" for w, a in zip(due, answers, strict=True) if isinstance(a, NodeError)]
