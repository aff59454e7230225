"""What AWS says when it does not permit something: which action, to whom, on what, and why.

The texts are those of https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; EC2 adds an
encoded message of its own, CloudFormation hands on what its resources' services said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coinquery.errors import NotPermitted

CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
}
#: S3's answer to a HEAD has no body, so no message either.
HEAD_CODES = {"403", "Forbidden"}
#: What an operation needs where AWS's message names no action.
_NEEDS = {
    "GetParameter": "ssm:GetParameter",
    "GetSecretValue": "secretsmanager:GetSecretValue",
    "HeadObject": "s3:GetObject",
    "Invoke": "lambda:InvokeFunction",
    "PutObject": "s3:PutObject",
}

_SENTENCE = re.compile(
    r"User: (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+)\"?)?"
    r"(?: (?P<why>because [^\".]*?action|with an explicit deny[^\".]*?policy))?",
    re.IGNORECASE,
)
#: How CloudFormation puts what EC2 refused: the action, and no more.
_HANDED_ON = re.compile(r"API: (?P<action>[\w-]+:\w+) (?:You are not authorized|Access ?Denied)", re.IGNORECASE)


@dataclass(frozen=True)
class Denial:
    """One refusal; what AWS left out is ``""``."""

    action: str
    who: str = ""
    resource: str = ""
    why: str = ""

    @property
    def what(self) -> str:
        """The refusal in one line."""
        to = f" to {self.who}" if self.who else ""
        on = f" on {self.resource}" if self.resource and self.resource != "*" else ""
        return f"AWS does not permit {self.action}{to}{on}" + (f": {self.why}" if self.why else "")

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if "explicit deny" in self.why:
            return (
                "A policy denies it, so no other can allow it. Work as the role that may: docs/permissions.md, "
                "docs/guard.md."
            )
        return (
            "Work as a role that may (docs/permissions.md: an administrator for cq bootstrap, coinquery-deployer for "
            f"all else), or allow {self.action} to this one."
        )

    def error(self) -> NotPermitted:
        """The refusal as people see it."""
        return NotPermitted(self.what, self.remedy)


def find(text: str) -> Denial | None:
    """The refusal that a text of AWS tells of; None if it tells of none."""
    found = _SENTENCE.search(text)
    if found:
        return Denial(**{key: value or "" for key, value in found.groupdict().items()})
    handed_on = _HANDED_ON.search(text)
    return Denial(handed_on["action"]) if handed_on else None


def of_answer(operation: str, message: str) -> Denial:
    """The refusal of one operation, as far as the message says more than that."""
    return find(message) or Denial(_NEEDS.get(operation, operation), why=message.strip())
