"""Whether a run ended as it may, and whether an account stands as after undisturbed runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from coinquery.stacks.journal import BEGINS, CARRIED_ON, Line
from tests.chaos.account import Account, differences
from tests.chaos.shop import Ran, Shop

#: What a run says that stopped between its steps.
_STOPPED = re.compile(r"stopped\. Stands: .+\. Missing: .+\.")


def ended_properly(ran: Ran, codes: Iterable[int] = (0, 1, 4)) -> list[str]:
    """What is wrong with how a run ended: a traceback, another exit code, no word of what stands or of what to do."""
    problems = []
    if "Traceback" in ran.said or "defect of cq" in ran.said:
        problems.append(f"traceback: {ran.said[-1500:]}")
    if ran.code not in codes:
        problems.append(f"exit code {ran.code}: {_last(ran)}")
    said = ran.said.splitlines()
    if ran.code and not any(line.startswith("cq: ") for line in said):
        problems.append(f"no message: {_last(ran)}")
    elif ran.code and not (said[-1].startswith("    ") and ("gain" in said[-1] or "cq " in said[-1])):
        problems.append(f"no word of what to run: {_last(ran)}")
    if ran.code and ": begins, until " in ran.said and not _STOPPED.search(ran.said):
        problems.append(f"no word of what stands and what is missing: {_last(ran)}")
    return problems


def _last(ran: Ran) -> str:
    return " | ".join(ran.said.splitlines()[-3:])


def account_problems(shop: Shop, coin: str, right: Account) -> list[str]:
    """In what a coin's account differs from the right one.

    Each change in the journal must have come to an end; how often a line stands there does not count, since boto3
    repeats one whose answer was lost. Slack may have been told twice, the second time marked.
    """
    found = Account.of(shop, coin)
    told_again = frozenset(found.announced)
    problems = differences(right, replace(found, journal=right.journal), told_again)
    lacking = right.journal.keys() - found.journal.keys()
    return problems + without_end(found.journal) + [f"the journal lacks {key}" for key in sorted(lacking)]


def without_end(journal: Mapping[tuple[str, str], Sequence[Line]]) -> list[str]:
    """What a journal tells the begin of, and no end."""
    return [
        f"the journal of {stream} has no end of {what}"
        for (stream, what), lines in journal.items()
        if lines[-1].result in (BEGINS, CARRIED_ON)
    ]
