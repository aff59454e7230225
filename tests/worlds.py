"""Local worlds for tests: on addresses that nobody else uses."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from coinquery.aws import Aws
from coinquery.local import environment
from coinquery.local import world as local_world
from coinquery.local.configuration import all_regions
from coinquery.local.state import State
from coinquery.stacks import stack as stacks
from coinquery.stacks.protection import Protector

_BLOCKS = range(100, 250)


@dataclass(frozen=True)
class World:
    """A running local world; ``aws`` are clients that reach it, ``environment`` is a child process's."""

    state: State
    environment: dict[str, str]
    aws: Aws


def child_environment(state: State) -> dict[str, str]:
    """What a child process's environment must be to reach the world."""
    gone = environment.removed(os.environ)
    return {**{k: v for k, v in os.environ.items() if k not in gone}, **environment.environment(state)}


@contextmanager
def free_state(root: Path) -> Iterator[State]:
    """A world's folder and addresses; a bound socket claims the block, so that sessions at once keep apart."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        for block in random.sample(_BLOCKS, len(_BLOCKS)):
            try:
                claim.bind((f"127.{block}.0.254", 4566))
            except OSError:
                continue
            yield State(root, block)
            return
    raise RuntimeError("every block of addresses is in use")


@contextmanager
def real_world(root: Path) -> Iterator[World]:
    """The AWS of one machine, up; the environment leads there and nowhere else while it stands."""
    before = dict(os.environ)
    with free_state(root) as state:
        try:
            local_world.up(state, print)
            yield World(state, child_environment(state), Aws())
        finally:
            local_world.down(state)
            os.environ.clear()
            os.environ.update(before)


def take_down_stacks(world: World) -> None:
    """Delete every coin's stack, protected or not, and what runs of it with it."""
    for region in all_regions():
        cloudformation, elbv2 = world.aws.cloudformation(region), world.aws.elbv2(region)
        for stack in stacks.read_all(cloudformation):
            with suppress(ClientError):  # a test left it half made, or it goes already
                Protector(cloudformation, elbv2).lift(stack)
                cloudformation.delete_stack(StackName=str(stack.name))
