"""Words that the state machine gives to ``cq``: commands that only look, names that are none. ``{}`` is the coin."""

from __future__ import annotations

from tests.teams import REGION

LOOKING = (
    ("ls",), ("status",), ("status", "cq-{}-0001-prod"), ("find", "cq-{}-0001-prod"), ("dns", "show", "{}"),
    ("retire", "cq-{}-0001-prod", "--plan"), ("history", "cq-{}-0001-prod"), ("monitor", "silences"),
    ("release", "list"), ("check", "--region", REGION),
    ("deploy", "{}", "--release", "v1.1.0", "--region", REGION, "--plan"),
)  # fmt: skip
MISTYPED = (
    "cq-{}-1-prod", "CQ-{}-0001-prod", "cq-{}-0001-prod\n", " cq-{}-0001-prod", "cq-{}-00001-prod",
    "cq-{}-0000-prod", "cq-{}-\u0660\u0660\u0660\u0661-prod", "cq-{}-0001-live",
)  # fmt: skip
