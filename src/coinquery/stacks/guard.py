"""The guard: two managed policies that deny everyone but the roles of ``cq`` what ends production by accident."""

from __future__ import annotations

#: The IAM path of every role and policy of ours; nobody else may put a role below it (guard.yaml).
PATH = "/coinquery/"
#: The names of the policies that guard.yaml makes.
POLICIES = ("coinquery-guard", "coinquery-guard-names")


def arns(partition: str, account: str) -> tuple[str, ...]:
    """The ARNs of the policies in an account."""
    return tuple(f"arn:{partition}:iam::{account}:policy{PATH}{name}" for name in POLICIES)
