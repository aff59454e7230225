"""The AWS of one machine for tests: started once a session, on addresses of its own, gone at the end.

Where several workers share the tests (pytest-xdist), each has a session, and so an AWS, of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.teams import Team
from tests.worlds import World, real_world, take_down_stacks

#: A slow machine is no fault of the code: examples are not timed.
_UNTIMED = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("tests", _UNTIMED)
settings.register_profile("chaos", _UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))

#: The session's world, once a test needed it.
STANDING = pytest.StashKey[World]()
#: The files that take longest, longest first. Workers begin with them, so that none is at one of them alone at the end.
LONGEST = (
    "test_permissions",
    "test_process_stops",
    "test_process",
    "test_chaos_races",
    "test_secrets",
    "test_journal",
    "test_fuzz_stored",
    "test_process_guards",
    "test_demo",
    "test_process_repairs",
    "test_ladder",
    "test_chaos_kills",
    "test_chaos_machine",
    "test_controller",
    "test_monitor_public_name",
    "test_chaos_faults",
    "test_bad_input",
    "test_check_templates",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which workers get the files; a single process keeps pytest's own."""
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The AWS of one machine, up. The session's environment leads there and nowhere else."""
    with real_world(tmp_path_factory.mktemp("world")) as standing:
        request.config.stash[STANDING] = standing
        yield standing


@pytest.fixture(scope="module", autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module's stacks go with it: idle nodes take the processors away from the tests that come after."""
    yield
    if STANDING in request.config.stash:
        take_down_stacks(request.config.stash[STANDING])


@pytest.fixture(scope="session")
def team(world: World, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team in that world, with two releases."""
    return Team.form(world, tmp_path_factory.mktemp("team"))
