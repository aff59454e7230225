"""Ask several things at once, where each may fail on its own."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from coinquery.nodes.errors import NodeError

T = TypeVar("T")


async def attempt(asked: Awaitable[T]) -> T | NodeError:
    """What was asked for, or the NodeError that came instead, as a value."""
    try:
        return await asked
    except NodeError as error:
        return error


def known(answer: T | NodeError) -> T | None:
    """The answer; None where it failed."""
    return None if isinstance(answer, NodeError) else answer


def first_failure(*answers: object) -> NodeError | None:
    """The first of the answers that failed."""
    return next((answer for answer in answers if isinstance(answer, NodeError)), None)
