"""The AWS of one machine as a whole: bring it up, look at it, take it down."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coinquery.errors import LocalAwsBroken, WrongUse
from coinquery.local import environment, toolchain
from coinquery.local.state import Component, State
from coinquery.local.supervisor import Health, Supervisor

Say = Callable[[str], None]
#: Marks a folder as a world's, so that nothing else is ever cleared; also the lock that keeps two ``up`` apart.
_MARK = "world.lock"


def up(state: State, say: Say) -> bool:
    """Bring a world up, a fresh account; return False if it is up already. ``say`` is told what is being done.

    This process's environment leads into the world from then on (``environment.enter``). Raises ToolMissing,
    PortInUse or LocalAwsBroken; then nothing is left running. A world of which a part is gone is not mended: what the
    account held may be gone with it.
    """
    supervisor = Supervisor(state)
    with _alone(state):
        health = supervisor.health()
        if health:
            _require_whole(health)
            environment.enter(state)
            return False
        supervisor.stop()
        _clear(state)
        try:
            _bring_up(state, supervisor, say)
        except BaseException:
            supervisor.stop()
            raise
    return True


def down(state: State) -> int:
    """Take a world down, whatever is left of it; return how many processes there were."""
    with _alone(state):
        return Supervisor(state).stop()


def health(state: State) -> list[Health]:
    """Every part of a world and what is wrong with it; empty where the world is down."""
    return Supervisor(state).health()


def components(state: State) -> list[Component]:
    """The programs of a world that run beside the chains and the controller."""
    from coinquery.local import chains

    return [
        _ministack(state),
        _python(state, "gateway", state.gateway, state.ministack, str(state.calls)),
        _python(state, "nameserver", state.name_server, str(state.root / "balancers.json")),
        _python(state, "slack", state.slack, str(state.root / "slack.jsonl")),
        *chains.network(state),
    ]


def _bring_up(state: State, supervisor: Supervisor, say: Say) -> None:
    from coinquery.aws import Aws
    from coinquery.local.furnish import furnish

    say("looking for the programs; the first time they are fetched")
    toolchain.caddy()
    parts = components(state)
    say(f"starting {', '.join(part.name for part in parts)}")
    supervisor.start(parts)
    environment.enter(state)
    say("furnishing the account: zones, certificates, registry, Slack's secret")
    furnish(state, Aws())
    say("starting the controller, which plays EC2, ECS and load balancers")
    supervisor.start([_controller(state)])


def _ministack(state: State) -> Component:
    """ministack, on loopback, keeping nothing, without the services that cost memory or open ports of their own."""
    host, port = state.ministack.removeprefix("http://").split(":")
    settings = {
        "BIND_HOST": host,
        "GATEWAY_PORT": port,
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_WORKER_THREADS": "16",
        "S3_DATA_DIR": str(state.root / "s3"),
        "STATE_DIR": str(state.root / "ministack"),
        "AWS_ENDPOINT_URL": state.gateway,  # what Lambda functions find
        **(_guarded() if state.guarded else {}),
    }
    command = (str(toolchain.ministack()), "-P", "-m", "ministack")
    return Component("ministack", command, f"{host}:{port}", settings)


def _guarded() -> dict[str, str]:
    """Whoever brings the world up is its root: the caller whom no policy binds."""
    return {"AUTH": "true", **environment.ROOT}


def _python(state: State, name: str, address: str, *arguments: str) -> Component:
    """A part that is a module of this package; its own AWS calls go to ministack, behind the rules."""
    listens = address.removeprefix("http://")
    command = (sys.executable, "-P", "-m", f"coinquery.local.{name}", listens, *arguments)
    return Component(name, command, listens, _behind_the_rules(state))


def _controller(state: State) -> Component:
    command = (sys.executable, "-P", "-m", "coinquery.local.controller")
    return Component("controller", command, "", _behind_the_rules(state))


def _behind_the_rules(state: State) -> dict[str, str]:
    world = {"CQ_LOCAL_DIR": str(state.root), "CQ_LOCAL_BLOCK": str(state.block)}
    return {**environment.environment(state), "AWS_ENDPOINT_URL": state.ministack, **world}


def _require_whole(health: list[Health]) -> None:
    broken = [f"{part.name}: {part.problem}" for part in health if part.problem]
    if broken:
        raise LocalAwsBroken(
            f"the AWS of this machine is up but not whole: {'; '.join(broken)}",
            "Run `cq local down`, then `cq local up`; the account starts afresh.",
        )


@contextmanager
def _alone(state: State) -> Iterator[None]:
    """Keep every other ``up`` and ``down`` of this world waiting."""
    mark = state.root / _MARK
    if state.root.exists() and not mark.exists() and any(state.root.iterdir()):
        raise WrongUse(
            f"{state.root} is not empty and not a local world",
            "Set CQ_LOCAL_DIR to an empty folder, or to one that does not exist.",
        )
    state.root.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clear(state: State) -> None:
    for entry in state.root.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()
