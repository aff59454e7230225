"""Ask all regions at once, and go on without those that do not answer."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from coinquery.aws import explain
from coinquery.errors import AwsUnreachable, CoinQueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

#: For how long others are waited for once a region has answered, in seconds: a person in an incident needs that one.
PATIENCE = 20.0


@dataclass(frozen=True)
class Answers(Generic[T]):
    """What regions answered, and why the others did not, by region."""

    given: Mapping[str, T]
    unanswered: Mapping[str, CoinQueryError]


def ask(regions: Iterable[str], look: Callable[[str], T], patience: float | None = PATIENCE) -> Answers[T]:
    """What ``look`` finds in each region.

    One that AWS refuses, or that answers nothing within ``patience`` seconds while another does, is unanswered: boto3
    may repeat a call for minutes, in a thread that is left alone. With None that is waited for. Raises why, if no
    region answers.
    """
    answers: SimpleQueue[tuple[str, T | BaseException]] = SimpleQueue()
    waiting = list(regions)
    for region in waiting:
        Thread(target=_work, args=(answers, look, region), daemon=True).start()
    given: dict[str, T] = {}
    unanswered: dict[str, CoinQueryError] = {}
    began = time.monotonic()
    with suppress(Empty):
        while waiting:
            left = None if patience is None or not given else max(0.0, began + patience - time.monotonic())
            region, answer = answers.get(timeout=left)
            waiting.remove(region)
            if isinstance(answer, BaseException):
                unanswered[region] = _known(answer)
            else:
                given[region] = answer
    unanswered |= {region: _late(region, patience) for region in waiting}
    if not given:
        refuse_unanswered(unanswered)
    return Answers(given, unanswered)


def refuse_unanswered(unanswered: Mapping[str, CoinQueryError]) -> None:
    """Raise why a region did not answer, where what is asked for may be in any."""
    for error in unanswered.values():
        raise error


def _work(answers: SimpleQueue[tuple[str, T | BaseException]], look: Callable[[str], T], region: str) -> None:
    try:
        answers.put((region, look(region)))
    except BaseException as error:
        answers.put((region, error))


def _known(error: BaseException) -> CoinQueryError:
    known = error if isinstance(error, CoinQueryError) else isinstance(error, Exception) and explain(error)
    if not known:
        raise error
    return known


def _late(region: str, patience: float | None) -> AwsUnreachable:
    return AwsUnreachable(
        f"AWS in {region} gave no answer within {patience} s",
        "Look at AWS's status page; run the same command again.",
    )
