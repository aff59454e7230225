"""Python's search for objects that only hold each other, which would be a fifth of a large sweep's processor time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects after which Python searches the young ones; 700 is usual. Every so often it visits all that boto3 loaded.
YOUNG = 50_000


@contextmanager
def searched_seldom() -> Iterator[None]:
    """While it is open, the search comes less often. An instance that answers leaves nothing to find."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
