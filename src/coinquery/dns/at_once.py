"""The same question to several at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def at_once(ask: Callable[[T], R], asked: Sequence[T], seconds: float, late: Callable[[T], R]) -> list[R]:
    """Everyone's answer, in order; ``late`` gives that of those who took longer than ``seconds``.

    A thread each, so ``asked`` must be few. One that hangs is left to itself.
    """
    pool = ThreadPoolExecutor(max(1, len(asked)), thread_name_prefix="outside")
    answers = [pool.submit(ask, each) for each in asked]
    done, _ = wait(answers, seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return [answer.result() if answer in done else late(each) for answer, each in zip(answers, asked, strict=True)]
