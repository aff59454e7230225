"""The CloudFormation templates and the stack policy, as shipped."""

from __future__ import annotations

from importlib import resources

COIN_STACK = "coin-stack.yaml"
NETWORK = "network.yaml"
MONITOR = "monitor.yaml"
ROLES = "roles.yaml"
GUARD = "guard.yaml"
STACK_POLICY = "stack-policy.json"


def text(name: str) -> str:
    """A template's text."""
    return resources.files("coinquery.stacks").joinpath("templates", name).read_text("utf-8")
