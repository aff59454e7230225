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

#: For how long a region is waited for, in seconds: a person in an incident needs the others.
PATIENCE = 20.0


@dataclass(frozen=True)
class Answers(Generic[T]):
    """What each region answered, and why the silent ones did not, by region."""

    given: Mapping[str, T]
    silent: Mapping[str, CoinQueryError]


def ask(regions: Iterable[str], look: Callable[[str], T], patience: float = PATIENCE) -> Answers[T]:
    """What ``look`` finds in each region.

    One is silent where AWS refuses, or answers nothing within ``patience`` seconds: boto3 may repeat a call for
    minutes, in a thread that is left alone. Raises why, if no region answers.
    """
    answers: SimpleQueue[tuple[str, T | BaseException]] = SimpleQueue()
    waiting = list(regions)
    for region in waiting:
        Thread(target=_work, args=(answers, look, region), daemon=True).start()
    given: dict[str, T] = {}
    silent: dict[str, CoinQueryError] = {}
    deadline = time.monotonic() + patience
    with suppress(Empty):
        while waiting:
            region, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            waiting.remove(region)
            if isinstance(answer, BaseException):
                silent[region] = _known(answer)
            else:
                given[region] = answer
    silent |= {region: _late(region, patience) for region in waiting}
    if not given:
        refuse_silence(silent)
    return Answers(given, silent)


def refuse_silence(silent: Mapping[str, CoinQueryError]) -> None:
    """Raise why a region is silent, where what is asked for may be in any."""
    for error in silent.values():
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


def _late(region: str, patience: float) -> AwsUnreachable:
    return AwsUnreachable(
        f"AWS in {region} gave no answer within {patience:g} s",
        "Look at AWS's status page; run the same command again.",
    )
