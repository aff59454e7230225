"""Whether the guard binds everyone: by the policies on each role and user, or by the organisation."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from coinquery.account import partition
from coinquery.bootstrap import rights
from coinquery.check import identities, organization
from coinquery.check.finding import Finding, found, group, look, missing
from coinquery.errors import NotBootstrapped
from coinquery.stacks import foundation, guard
from coinquery.stacks import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinquery.aws import Aws
    from coinquery.config import Config

_ATTACH = (
    "Attach all policies to each (a permission set of IAM Identity Center by name), or bind the account by service "
    "control policies: docs/guard.md."
)
#: CloudFormation changes nothing where its template and parameters are as before.
_BY_HAND = (
    "Somebody changed them by hand (CloudTrail: CreatePolicyVersion). Make the version of cq bootstrap the default "
    "again: aws iam list-policy-versions, aws iam set-default-policy-version."
)


def check(aws: Aws, config: Config) -> Finding:
    """The guard's policies, and everyone whom they do not bind."""
    return group("guard", _checks(aws, config))


def policies(aws: Aws, config: Config) -> tuple[str, ...]:
    """The ARNs of the guard's policies in the account."""
    return guard.arns(partition(aws, config.home_region), config.account)


def _checks(aws: Aws, config: Config) -> Iterator[Finding]:
    yield look("policies", lambda: _policies(aws, config))
    bare = cache(lambda: identities.without(aws.iam(config.home_region), policies(aws, config)))
    everyone = look("roles and users", lambda: _everyone(bare()))
    if everyone.state == "ok":
        yield everyone
        return
    bound = look("organisation", lambda: _organisation(aws, config))
    yield bound
    yield found("roles and users", "bound by the organisation") if bound.state == "ok" else everyone


def _policies(aws: Aws, config: Config) -> str | Finding:
    """Whether the policies stand, know the zones and names of production, let nobody through but cq.toml's, and say
    what guard.yaml says.
    """
    described = stacks.describe(aws.cloudformation(config.home_region), foundation.GUARD_STACK)
    again = f"Run: cq bootstrap --region {config.home_region}"
    if described is None:
        raise NotBootstrapped(f"there is no stack {foundation.GUARD_STACK} in {config.home_region}", again)
    standing = {p.get("ParameterKey", ""): p.get("ParameterValue", "") for p in described.get("Parameters", ())}
    differing: list[str] = []
    given = rights.guard(config, partition(aws, config.home_region))
    for key, wanted in given.items():
        differing += sorted(set(wanted.split(",")) ^ set(standing.get(key, "").split(",")))
    if differing:
        saw = f"{foundation.GUARD_STACK} and cq.toml differ in {len(differing)} names"
        return missing("policies", saw, again, differing)
    standing_statements = organization.statements(aws.iam(config.home_region), policies(aws, config))
    changed = _changed(guard.statements(given), standing_statements)
    if changed:
        saw = f"{len(changed)} statements are not as cq bootstrap makes them"
        return missing("policies", saw, _BY_HAND, changed)
    return f"{', '.join(guard.POLICIES)} know production's zones and names"


def _changed(wanted: list[Any], standing: list[Any]) -> list[str]:
    """The ids of the statements that somebody changed, took away or added by hand."""
    ours, theirs = ({each.get("Sid", "?"): _plain(each) for each in found} for found in (wanted, standing))
    return sorted(sid for sid in ours.keys() | theirs.keys() if ours.get(sid) != theirs.get(sid))


def _plain(value: Any) -> Any:
    """The same with lists in order, and one text in place of a list of one, which mean the same to IAM."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return value[0] if len(value) == 1 else sorted(value)
    return value


def _everyone(bare: tuple[str, ...]) -> str | Finding:
    if not bare:
        return "all carry it, but those of AWS's services and of cq"
    return missing("roles and users", f"{len(bare)} do not carry it", _ATTACH, bare)


def _organisation(aws: Aws, config: Config) -> str | Finding:
    organizations = aws.organizations(config.home_region)
    wanted = organization.statements(aws.iam(config.home_region), policies(aws, config))
    member = organization.is_member(organizations, config.account)
    if member is None:
        return missing("organisation", "the account is in none", "Attach the guard to roles and users: docs/guard.md.")
    if not member:
        return missing(
            "organisation",
            "this is its management account, which no service control policy binds",
            "Attach the guard to roles and users (docs/guard.md), or keep production in an account of its own.",
        )
    if not wanted or not organization.binds(organizations, config.account, wanted):
        return missing(
            "organisation",
            "the service control policies on the account do not have all of the guard",
            "Print them with `cq check --scp` and attach them in the management account: docs/guard.md.",
        )
    return "service control policies bind the account"
