"""The program: its command line, what it was built from, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinquery.coins import Catalogue
from coinquery.service import build
from coinquery.service.settings import Settings, parse
from coinquery.stacks.parameters import service_command
from tests.hostile import http, node
from tests.real_nodes import free_port
from tests.services import run

ROOT = Path(__file__).parents[1]
GIVEN = ["--coin", "eth", "--dialect", "evm", "--node", "http://127.0.0.1:8545", "--chain", "1", "--tolerance", "180"]


def test_the_command_line() -> None:
    told = parse(
        [*GIVEN, "--release", "v1.2.0", "--cookie", "/data/.cookie", "--data", "/data", "--listen", "0.0.0.0:8080"]
    )
    assert told == Settings(
        coin="eth",
        dialect="evm",
        node="http://127.0.0.1:8545",
        chain="1",
        tolerance=180,
        release="v1.2.0",
        cookie=Path("/data/.cookie"),
        data=Path("/data"),
        listen=("0.0.0.0", 8080),
    )


def test_what_stacks_tell_the_service_it_understands() -> None:
    for coin in Catalogue.load():
        told = parse(service_command(coin, "v1.2.0").split())
        assert (told.coin, told.chain, told.data) == (coin.ticker, coin.chain, Path("/data"))
        assert (told.listen, told.tolerance) == (("0.0.0.0", 8080), coin.tolerance.seconds)


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert parse(GIVEN).listen == ("127.0.0.1", 8080)
    assert parse([*GIVEN, "--listen", "[::1]:80"]).listen == ("::1", 80)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--dialect", "cardano"],
        ["--node", "127.0.0.1:8545"],
        ["--node", "file:///etc/passwd"],
        ["--node", "http://user:secret@127.0.0.1:8545"],
        ["--tolerance", "0"],
        ["--tolerance", "-5"],
        ["--tolerance", "3m"],
        ["--listen", "8080"],
        ["--listen", "localhost:8080"],
        ["--listen", "127.0.0.1:65536"],
        ["--listen", "127.0.0.1:"],
        ["--commit", "0" * 40],
    ],
)
def test_a_wrong_command_line_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse([*GIVEN, *wrong])
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err


LIKE_A_BUILD = st.builds(
    "{}{}{}".format,
    st.from_regex(r"[0-9a-f]{40}", fullmatch=True)
    | st.from_regex(r"[0-9a-f]{39}([0-9a-f]{2})?|[0-9a-fA-F]{40}|\$Format:%H\$", fullmatch=True),
    st.sampled_from(["\n", "\n", "\n", "\r\n", " ", "\n\n"]),
    st.datetimes().map(datetime.isoformat)
    | st.sampled_from(["2026-11-24", "2026-11-24T05:00:00+00:00\n", "today", ""]),
)


@given(LIKE_A_BUILD | st.text(alphabet="0123456789abcdefABCDEF$Format:%H\n\r ", max_size=120))
@example(f"{'a' * 40}\n2026-11-24T05:00:00+00:00\n")
@example(f"{'a' * 39}\n2026-11-24")
@example(f"{'a' * 41}\n2026-11-24")
def test_i3_a_commit_is_forty_hex_digits_or_unknown(text: str) -> None:
    """A build is such a line and a line with a date, and all else is none."""
    built, lines = build.parse(text), text.splitlines()
    is_commit = len(lines) == 2 and len(lines[0]) == 40 and not set(lines[0]) - set("0123456789abcdef")
    assert built == (build.Build(*lines) if is_commit and _is_date(lines[1]) else build.Build())


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", ["$Format:%H$\n$Format:%cI$\n", "", f"{'a' * 40}\n", f"{'A' * 40}\n2026-11-24"])
def test_i3_what_git_did_not_fill_in_is_no_build(text: str) -> None:
    assert build.parse(text) == build.Build()


def test_i3_the_commit_is_the_one_that_was_archived_and_nothing_can_tell_another(tmp_path: Path) -> None:
    commit, date = git("log", "-1", "--format=%H %cI").split()
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "src"], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(tmp_path)], input=archive.stdout, check=True)
    said = subprocess.run(
        [sys.executable, "-c", PRINT_BUILD, str(tmp_path / "src/coinquery/service/build.txt")],
        env={**os.environ, "COMMIT": "0" * 40, "COMMIT_HASH": "0" * 40, "GIT_COMMIT": "0" * 40},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == [commit, date]
    assert build.built_from() == build.Build()


PRINT_BUILD = """
import sys, pathlib
from coinquery.service import build
built = build.parse(pathlib.Path(sys.argv[1]).read_text())
print(built.commit, built.date)
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def start(node_url: str, port: int) -> subprocess.Popen[str]:
    arguments = [*GIVEN, "--node", node_url, "--listen", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "coinquery.service", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_it_finishes_what_is_under_way_before_it_stops() -> None:
    """SIGTERM while the node still thinks: the call is answered, and no new connection is taken."""
    reply = b'{"jsonrpc":"2.0","id":5,"result":"0x1"}'
    may_answer = asyncio.Event()

    async def steps() -> None:
        async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            heard.set()
            await may_answer.wait()
            writer.write(http(reply))
            writer.close()

        heard = asyncio.Event()
        server = await asyncio.start_server(think, "127.0.0.1", 0)
        port = free_port()
        program = start(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", port)
        try:
            await asyncio.to_thread(wait_for, port)
            call = asyncio.ensure_future(asyncio.to_thread(post, port))
            await heard.wait()
            program.send_signal(signal.SIGTERM)
            await asyncio.to_thread(until_closed, port)
            await asyncio.sleep(0.5)  # a program that does not wait for the node is gone by then
            assert not call.done()
            may_answer.set()
            assert json.loads(await call) == json.loads(reply)
            assert await asyncio.to_thread(program.wait, 20) == 0
        finally:
            program.kill()
            program.communicate()
        server.close()

    run(steps())


def post(port: int) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", b'{"id":5,"method":"eth_chainId"}')
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def until_closed(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    raise AssertionError("it still takes connections")


def test_a_port_in_use_is_one_clear_line() -> None:
    async def steps() -> None:
        async with node(lambda _: []) as it:
            port = int(it.url.rpartition(":")[2])
            program = start(it.url, port)
            said, _ = await asyncio.to_thread(program.communicate, timeout=20)
            assert program.returncode == 1
            assert said.strip() == f"can't listen on 127.0.0.1:{port}: Address already in use"

    run(steps())
