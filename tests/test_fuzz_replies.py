"""What instances and references reply, read by whole commands: no reply breaks one, or makes it change anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzed_production import BALANCERS, LIVE, MONITOR, OLD, Production
from tests.fuzzing import examples, fuzzed
from tests.hostile import replies
from tests.monitored import Background, Behaviour, says, server

#: Commands that read what instances and references said, after the monitor has asked them.
READERS = (("ls",), ("status", LIVE, "--json"), ("rollback", "eth", "--plan"), ("retire", OLD, "--plan"))

statuses = st.sampled_from(["200 OK", "204 No Content", "302 Found", "404 Not Found", "500 Oops", "999 ?", "x"])
kinds = st.sampled_from(["application/json", "text/html", "application/json; charset=utf-16", ""])
answers = st.builds(says, replies, statuses, kinds)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The production, in a world of its own."""
    with fuzzed(tmp_path_factory.mktemp("fuzz")) as fuzz:
        yield Production(fuzz)


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    """Where the hostile servers run."""
    running = Background()
    yield running
    running.close()


@pytest.fixture(scope="module")
def addresses(production: Production) -> dict[str, str]:
    """Where each stack's one instance answers."""
    found = {stack: production.fuzz.state.address(191, host) for host, stack in enumerate(BALANCERS, start=1)}
    for stack, address in found.items():
        tags = {"Name": stack, "coinquery:stack": stack, "coinquery:commit": "f" * 40, "coinquery:release": "v0"}
        production.launch(tags, address)
    return found


def _read(production: Production, reader: tuple[str, ...]) -> None:
    swept = production.fuzz.looks(*MONITOR)
    assert swept.code in (0, 1), swept.err
    production.look(reader)
    production.keeps_the_live_stack()


@given(old=answers, live=answers, reader=st.sampled_from(READERS))
@examples(8)
def test_i13_instances_that_reply_anything(
    production: Production, background: Background, addresses: dict[str, str], old: Behaviour, live: Behaviour,
    reader: tuple[str, ...],
) -> None:  # fmt: skip
    with ExitStack() as stack:
        asked = [
            stack.enter_context(server(background, addresses[name], behaviour))
            for name, behaviour in ((OLD, old), (LIVE, live))
        ]
        _read(production, reader)
        assert all(asked), "nothing is tried if nobody is asked"


@given(one=answers, other=answers, reader=st.sampled_from(READERS))
@examples(8)
def test_i13_references_that_reply_anything(
    production: Production, background: Background, tmp_path_factory: pytest.TempPathFactory,
    one: Behaviour, other: Behaviour, reader: tuple[str, ...],
) -> None:  # fmt: skip
    state = production.fuzz.state
    hosts = (state.address(192, 1), state.address(192, 2))
    changed = production.fuzz.configuration
    for kept, host in zip((state.evm_network, state.evm_witness), hosts, strict=True):
        changed = re.sub(f'(shape = "evm", url = "){re.escape(kept)}', rf"\g<1>http://{host}:8080", changed)
    file = Path(tmp_path_factory.mktemp("references") / "cq.toml")
    file.write_text(changed, "utf-8")
    with ExitStack() as stack:
        asked = [
            stack.enter_context(server(background, host, each)) for host, each in zip(hosts, (one, other), strict=True)
        ]
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("CQ_CONFIG", str(file))
        _read(production, reader)
        assert all(asked), "nothing is tried if nobody is asked"
