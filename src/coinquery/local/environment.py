"""What a program's environment must be to reach a local world, and nothing but it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Final

from coinquery.local.state import State

HOME_REGION: Final = "us-east-1"
#: The credentials of the account's root.
ROOT: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

#: Variables that would beat those set here, or lead to another account (AWS's "SDKs and Tools Reference Guide").
_REMOVED = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE",
    "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
)  # fmt: skip
_SERVICE_ENDPOINT = "AWS_ENDPOINT_URL_"


def environment(state: State) -> dict[str, str]:
    """The variables that lead boto3, the AWS command line and ``cq`` into a world."""
    return {
        "AWS_ENDPOINT_URL": state.gateway,
        **ROOT,
        "AWS_DEFAULT_REGION": HOME_REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CQ_CONFIG": str(state.root / "cq.toml"),
    }


def removed(names: Iterable[str]) -> list[str]:
    """Those of the variables ``names`` that must go, because they would lead elsewhere."""
    return sorted(name for name in names if name in _REMOVED or name.startswith(_SERVICE_ENDPOINT))


def enter(state: State) -> None:
    """Change this process's own environment, so that whatever it does from now on reaches the world only."""
    for name in removed(os.environ):
        del os.environ[name]
    os.environ.update(environment(state))


def shell(state: State) -> str:
    """The same for a shell: ``eval`` this."""
    unset = [f"unset {name}" for name in removed({*_REMOVED, *os.environ})]
    return "\n".join([*unset, *(f"export {name}={shlex.quote(v)}" for name, v in environment(state).items())])
