"""Tasks: the containers of an instance's ECS service, each a program at the instance's address."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from coinquery.aws import Aws, pages
from coinquery.local import images
from coinquery.local.checks import Check, by_command
from coinquery.local.controller.groups import Instance
from coinquery.local.controller.memory import remembered
from coinquery.local.programs import Program
from coinquery.local.state import State

_EVERYWHERE = re.compile(r"\b(127\.0\.0\.1|0\.0\.0\.0)\b")
_CLUSTER = re.compile(r"^\s*ECS_CLUSTER=(?:\$(\w+)|(\S+))", re.MULTILINE)


@dataclass(frozen=True)
class Container:
    """A container as a program, with its health check if it has one."""

    program: Program
    check: Check | None


def containers(aws: Aws, state: State, instance: Instance) -> Iterator[Container]:
    """What runs on an instance: one task of each service of the cluster that its user data names.

    Services are taken for DAEMON: ministack does not keep a service's scheduling strategy.
    """
    for definition in _definitions(aws, instance.region, _cluster(instance.user_data)):
        for container in definition["containerDefinitions"]:
            yield _container(state, instance, container)


def _cluster(user_data: str) -> str:
    """The cluster that the ECS agent would join: ``ECS_CLUSTER=`` in its configuration, a name or a shell variable."""
    script = base64.b64decode(user_data).decode()
    found = _CLUSTER.search(script)
    if found is None or found[2]:
        return found[2] if found else "default"
    value = re.search(rf"^\s*{found[1]}='?([^'\s]*)'?$", script, re.MULTILINE)
    return value[1] if value else "default"


@remembered
def _definitions(aws: Aws, region: str, cluster: str) -> list[dict[str, Any]]:
    client = aws.ecs(region)
    client.meta.events.register("before-parse.ecs.DescribeTaskDefinition", _respell, unique_id="respell")
    arns = list(pages(client, "list_services", "serviceArns", cluster=cluster))
    services = client.describe_services(cluster=cluster, services=arns)["services"] if arns else []
    return [
        dict(client.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"])
        for service in services
        if service["status"] == "ACTIVE"
    ]


def _respell(response_dict: dict[str, Any], **_: object) -> None:
    """Spell the answer's keys as ECS does: ministack gives nested ones as the template spells them."""
    response_dict["body"] = json.dumps(_lower_keys(json.loads(response_dict["body"]))).encode()


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lower_keys(each) for key, each in value.items()}
    return [_lower_keys(each) for each in value] if isinstance(value, list) else value


def _container(state: State, instance: Instance, given: Mapping[str, Any]) -> Container:
    image = images.load(state, given["image"])
    home = state.folder(f"volumes/{instance.id}")
    mounts = {m["containerPath"]: state.folder(f"{home}/{m['sourceVolume']}") for m in given.get("mountPoints", ())}
    here = partial(_placed, address=instance.address, mounts=mounts)
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(state.folder("tmp")),
        **image.environment,
        **{entry["name"]: here(entry["value"]) for entry in given.get("environment", ())},
    }
    command = (*(given.get("entryPoint") or image.entrypoint), *map(here, given.get("command", ())))
    program = Program(f"{instance.id}/{given['name']}", command, environment)
    return Container(program, _check(given.get("healthCheck"), here, environment))


def _check(given: Mapping[str, Any] | None, here: Callable[[str], str], environment: Mapping[str, str]) -> Check | None:
    """The container's own health check; AWS's defaults where it says nothing."""
    if given is None:
        return None
    kind, *command = map(here, given["command"])
    argv = ["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command
    ask = by_command(argv, environment, given.get("timeout", 5))
    return Check(ask, given.get("interval", 30), 1, given.get("retries", 3), given.get("startPeriod", 0))


def _placed(text: str, address: str, mounts: Mapping[str, Path]) -> str:
    """The text with the instance's address for its loopback, and its volume's folder for a mount's path."""
    text = _EVERYWHERE.sub(address, text)
    for path, folder in mounts.items():
        text = re.sub(rf"(?<![\w/.-]){re.escape(path)}(?![\w.-])", str(folder), text)
    return text
