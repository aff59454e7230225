"""How full the data's volume is: a filesystem that really fills, and what is remembered of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.service.volume import Volume
from tests.real_nodes import free_port
from tests.services import run, service

START = datetime(2026, 11, 24, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SIZE = 32 * 2**20


class HandClock:
    """A time of day that is set by hand."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a filesystem in memory, which nothing else fills."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("there is no /dev/shm")
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def growth(volume: Volume) -> int | None:
    measured = volume.measure()
    assert measured is not None
    return measured["growth"]


def test_a_filesystem_that_fills_grows_and_stops_growing_and_shrinks(memory: Path) -> None:
    """Growth is in bytes a day: SIZE in three minutes is 480 times that a day."""
    clock = HandClock()
    volume = Volume(memory, clock, kept=5 * MINUTE, spacing=MINUTE, least=3 * MINUTE)
    free = volume.measure()
    for minute in range(1, 4):
        assert growth(volume) is None
        clock.time += MINUTE
        (memory / str(minute)).write_bytes(bytes(SIZE // 3))
    filling = volume.measure()
    assert free is not None
    assert filling is not None
    assert filling["growth"] == pytest.approx(480 * SIZE, rel=0.2)
    assert (free["free"] or 0) - (filling["free"] or 0) == pytest.approx(SIZE, rel=0.2)
    for _ in range(6):
        clock.time += MINUTE
        stopped = growth(volume)
    assert stopped == pytest.approx(0, abs=48 * SIZE)
    (memory / "1").unlink()
    clock.time += MINUTE
    assert (growth(volume) or 0) < -48 * SIZE


def test_info_shows_the_volume_that_the_service_is_told_of(memory: Path) -> None:
    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}", data=memory) as client:
            volume = (await client.get("/info")).json()["result"]["volume"]
            told = os.statvfs(memory)
            assert volume["size"] == told.f_blocks * told.f_frsize
            assert 0 <= volume["free"] <= volume["size"]
            assert volume["growth"] is None

    run(steps())


@pytest.mark.parametrize("path", [None, Path("/nowhere"), Path("/proc")])
def test_i13_a_volume_that_cannot_be_read_is_unknown(path: Path | None) -> None:
    """A path that does not exist, and a filesystem without a size."""

    async def steps() -> None:
        async with service(f"http://127.0.0.1:{free_port()}", data=path) as client:
            assert (await client.get("/info")).json()["result"]["volume"] is None

    run(steps())


MOMENTS = st.lists(st.tuples(st.integers(-90, 600), st.integers(0, 1000)), min_size=1, max_size=60)


@given(MOMENTS, st.integers(1, 30), st.integers(1, 120), st.integers(0, 1440))
def test_growth_is_the_mean_since_the_oldest_that_is_remembered(
    moments: list[tuple[int, int]], spacing: int, least: int, kept: int
) -> None:
    """Looked at again whenever somebody asks, with a clock that may be set back; minutes and blocks of 4 KiB."""
    clock, used = HandClock(), 0
    volume = Volume(Path("/"), clock, kept * MINUTE, spacing * MINUTE, least * MINUTE)
    seen: list[tuple[datetime, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 1000, 1000 - used, 900, 0, 0, 0, 0, 255)))
        for minutes, used in moments:
            clock.time += minutes * MINUTE
            told = growth(volume)
            now = (clock.time, used * 4096)
            seen = [] if seen and clock.time < seen[-1][0] else [s for s in seen if clock.time - s[0] <= kept * MINUTE]
            if not seen or clock.time - seen[-1][0] >= spacing * MINUTE:
                seen.append(now)
            assert list(volume.samples) == seen
            assert len(seen) <= kept // spacing + 1
            span = (clock.time - seen[0][0]) / MINUTE
            assert told == (None if span < least else round((now[1] - seen[0][1]) / (span / 1440)))
