"""What a sweep finds of stacks and names: grave by what is left, and each cause told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coinquery.monitor.finding import Finding
from coinquery.monitor.findings import TITLES, findings
from coinquery.monitor.outlook import InstanceOutlook, NameOutlook, Outlook, Role, StackOutlook
from coinquery.monitor.verdict import Verdict

LIVE, BACK, NAME = "cq-eth-0002-prod", "cq-eth-0001-prod", "eth.example.com"
Verdicts = tuple[Verdict, ...]
WELL: Verdicts = ("healthy", "healthy")


def stack(name: str, role: Role, verdicts: Verdicts, **fields: Any) -> StackOutlook:
    instances = tuple(
        InstanceOutlook(instance=f"i-{n}", verdict=v, reason="so it is", has_head=v != "unknown")
        for n, v in enumerate(verdicts)
    )
    made: dict[str, Any] = {"coin": "eth", "expected": 2, "instances": instances}
    return StackOutlook(stack=name, role=role, **made | fields)


def name(**fields: Any) -> NameOutlook:
    made: dict[str, Any] = {
        "coin": "eth",
        "name": NAME,
        "stack": LIVE,
        "answers": True,
        "certificate_days": 60,
        "way_back": BACK,
    }
    return NameOutlook(**made | fields)


def sweep(
    live: Verdicts = WELL, back: Verdicts | None = WELL, named: NameOutlook | None = None, **fields: Any
) -> Outlook:
    stacks = (stack(LIVE, "live", live), *(() if back is None else (stack(BACK, "way-back", back),)))
    made: dict[str, Any] = {"stacks": stacks, "names": (named or name(),)}
    return Outlook(time=datetime(2026, 3, 1, tzinfo=UTC), sweep="s", region="us-east-1", **made | fields)


def bad(outlook: Outlook) -> set[str]:
    """The kinds that are found bad."""
    return {finding.kind for finding in findings(outlook).values() if finding.bad}


def of(kind: str, outlook: Outlook) -> Finding:
    (found,) = (finding for finding in findings(outlook).values() if finding.kind == kind)
    return found


def test_where_all_is_well_everything_is_looked_at_and_nothing_is_bad() -> None:
    found = findings(sweep(silent={"eu-west-1": datetime(2026, 3, 1, tzinfo=UTC)}))
    assert {finding.kind for finding in found.values()} == set(TITLES)
    assert all(finding.bad is False for finding in found.values())
    assert all(key == f"{finding.kind}:{finding.subject}" for key, finding in found.items())


@pytest.mark.parametrize(
    ("verdicts", "kinds"),
    [
        (("healthy", "filling"), {"filling"}),
        (("unreachable", "healthy"), {"degraded"}),
        (("healthy",), {"degraded"}),
        (("healthy", "healthy", "starting"), set()),
        (("healthy", "unknown"), {"degraded"}),
        (("unreachable", "unknown"), {"degraded"}),
        (("unreachable", "lagging"), {"outage"}),
        (("wrong-chain",), {"outage"}),
        ((), {"outage"}),
        (("unknown", "unknown"), {"unjudged"}),
    ],
)
def test_severity_is_by_what_is_left_of_the_live_stack(verdicts: Verdicts, kinds: set[str]) -> None:
    """Alerts: one of two instances lagging is not an outage; the live stack with none healthy is."""
    outlook = sweep(verdicts)
    assert bad(outlook) == kinds
    pages = {finding.kind for finding in findings(outlook).values() if finding.bad and finding.severity == "page"}
    assert pages == kinds & {"outage"}


def test_an_instance_that_is_unknown_though_there_is_a_head_hides_no_outage() -> None:
    """Such as one that is far ahead of the head: nobody is healthy, and the head is known."""
    ahead = InstanceOutlook(instance="i-1", verdict="unknown", reason="ahead", has_head=True)
    dead = InstanceOutlook(instance="i-0", verdict="unreachable", reason="refused")
    assert of("outage", sweep(stacks=(stack(LIVE, "live", (), instances=(dead, ahead)),))).bad is True


@pytest.mark.parametrize(("minutes", "silent"), [(0, False), (5, False), (6, True)])
def test_another_regions_monitor_that_is_not_heard_any_more_pages(minutes: int, silent: bool) -> None:
    """The dead man's switch of a region may die with it."""
    heard = datetime(2026, 3, 1, tzinfo=UTC) - timedelta(minutes=minutes)
    found = of("region", sweep(silent={"eu-west-1": heard}))
    assert (found.key, found.severity, found.bad) == ("region:eu-west-1", "page", silent)


def test_i13_what_is_unknown_is_neither_an_outage_nor_the_end_of_one() -> None:
    for verdicts in (("unknown", "unknown"), ("unreachable", "unknown")):
        assert of("outage", sweep(verdicts)).bad is None
    assert of("degraded", sweep(("unknown", "unknown"))).bad is None
    assert of("degraded", sweep(("unreachable", "lagging"))).bad is None
    assert of("filling", sweep(("unknown", "healthy"), None)).bad is None


@pytest.mark.parametrize("verdicts", [(), ("starting",), ("unreachable", "wrong-commit")])
def test_a_stack_in_a_rollout_raises_nothing_but_its_protection(verdicts: Verdicts) -> None:
    """Alerts: known-new stacks never page. I5: protected from the first second."""
    new = stack("cq-eth-0003-prod", "other", verdicts, unprotected=("stack policy",))
    found = findings(sweep(stacks=(*sweep().stacks, new)))
    assert [key for key, finding in found.items() if finding.subject == new.stack] == [f"unprotected:{new.stack}"]
    assert found[f"unprotected:{new.stack}"].bad is True
    assert found[f"unprotected:{new.stack}"].severity == "warning"
    assert "stack policy" in found[f"unprotected:{new.stack}"].seen


@pytest.mark.parametrize(("off", "is_bad"), [((), False), (("termination protection",), True), (None, None)])
def test_i5_the_protection_of_every_stack_is_told_or_stands_still(
    off: tuple[str, ...] | None, is_bad: bool | None
) -> None:
    for role in ("live", "way-back", "other"):
        found = findings(sweep(stacks=(stack("cq-eth-0009-prod", role, WELL, unprotected=off),)))
        assert found["unprotected:cq-eth-0009-prod"].bad is is_bad


@pytest.mark.parametrize(
    ("fields", "is_bad"),
    [
        ({}, False),
        ({"answers": False, "problems": ("HTTP 503",)}, True),
        ({"answers": None, "problems": ("no name server could be reached",)}, None),
        ({"answers": None}, None),
        ({"stack": None, "answers": False, "problems": ("leads elsewhere",)}, True),
        ({"stack": None, "answers": None, "problems": ("a CNAME stands there",)}, True),
        ({"stack": None, "answers": None}, None),
    ],
)
def test_a_name_pages_if_it_does_not_answer_or_leads_astray(fields: dict[str, Any], is_bad: bool | None) -> None:
    found = of("name", sweep(named=name(**fields)))
    assert (found.bad, found.severity) == (is_bad, "page")


@pytest.mark.parametrize(
    ("days", "is_bad", "severity"),
    [
        (None, None, "warning"),
        (14, False, "warning"),
        (13, True, "warning"),
        (3, True, "warning"),
        (2, True, "page"),
        (-1, True, "page"),
    ],
)
def test_a_certificate_warns_below_14_days_and_pages_below_3(days: int, is_bad: bool, severity: str) -> None:
    found = of("certificate", sweep(named=name(certificate_days=days, problems=("ends",) if is_bad else ())))
    assert (found.bad, found.severity) == (is_bad, severity)


def test_one_cause_is_told_once() -> None:
    """An outage explains the name; the protection and the certificate explain one problem each on the way to it."""
    silent = name(answers=False, certificate_days=None, problems=("HTTP 503",))
    assert bad(sweep(("unreachable", "unreachable"), named=silent)) == {"outage"}
    assert bad(sweep(named=silent)) == {"name"}
    open_ = (stack(LIVE, "live", ("unprotected",) * 2, unprotected=("stack policy",)), stack(BACK, "way-back", WELL))
    assert bad(sweep(stacks=open_, named=name(problems=("lacks stack policy",)))) == {"unprotected"}
    assert bad(sweep(named=name(certificate_days=9, problems=("9 days left",)))) == {"certificate"}


@pytest.mark.parametrize("fields", [{"certificate_days": 9}, {"answers": None}, {}])
def test_a_fault_on_the_way_that_nothing_else_tells_is_told(fields: dict[str, Any]) -> None:
    """The public name: DNS, load balancer, /info and /health, also where one address of two answers."""
    problems = ("an address answers HTTP 502", *(["9 days left"] if "certificate_days" in fields else []))
    assert "path" in bad(sweep(named=name(problems=problems, **fields)))


@pytest.mark.parametrize(
    ("back", "problems", "is_bad"),
    [
        (WELL, (), False),
        (("lagging", "healthy"), ("has fallen behind",), True),
        (("lagging", "stalled"), (), True),
        ((), (), True),
        (None, ("is gone",), True),
        (None, (), False),
        (("unknown", "unknown"), ("i-0 is unknown",), None),
        (("filling", "healthy"), ("i-0 is filling",), None),
        (("unknown",), ("has records of 1 instance and must have 2",), True),
    ],
)
def test_a_way_back_that_is_none_is_told(back: Verdicts | None, problems: tuple[str, ...], is_bad: bool | None) -> None:
    """The public name: a standby that has fallen behind is no way back: say so. Its own findings are not told twice."""
    found = of("way-back", sweep(back=back, named=name(way_back_problems=problems)))
    assert found.bad is is_bad
    assert not is_bad or found.left == f"A rollback of {NAME} would not help."
    assert found.silenced_by == (LIVE, BACK)


@pytest.mark.parametrize(
    ("named", "back", "do"),
    [
        (name(), WELL, f"`cq rollback eth`: {BACK} is the way back"),
        (name(), ("lagging", "lagging"), f"A rollback would not help: {BACK}"),
        (name(), ("healthy", "filling"), f"`cq rollback eth` waits until {BACK} is healthy: i-1 is filling. It serves"),
        (name(way_back_problems=("is gone",)), None, f"A rollback would not help: {BACK}"),
        (name(way_back=None), None, "There is no way back"),
    ],
)
def test_an_outage_says_whether_a_rollback_would_help(named: NameOutlook, back: Verdicts | None, do: str) -> None:
    found = of("outage", sweep(("unreachable",), back, named))
    assert found.do.startswith(do)
    assert f"`cq status {LIVE}`" in found.do
    assert found.left == "0 of 2 instances serve."
    assert found.seen == f"{NAME} leads to it. missing: 1 of 2 instances; i-0 is unreachable: so it is."


def test_sweeps_that_died_or_overlapped_and_instances_not_reached_are_told() -> None:
    found = of("monitor", sweep(died=("a", "b"), overlaps=("c",), unreached=7))
    assert found.bad
    assert found.seen == (
        "Sweeps that never ended: 2: a; b. Sweeps that had not ended when this one began: 1: c. "
        "Instances not reached within the sweep's time: 7."
    )


def test_sentences_stay_short_however_many_instances_there_are_and_whatever_they_say() -> None:
    live = stack(LIVE, "live", ("lagging",) * 500, expected=600)
    long = tuple(InstanceOutlook(instance=i.instance, verdict=i.verdict, reason="x" * 9999) for i in live.instances)
    live = StackOutlook(stack=LIVE, coin="eth", role="live", expected=600, instances=long)
    found = findings(sweep(stacks=(live,), named=name(problems=("y" * 9999,) * 99, way_back_problems=("z" * 9999,))))
    assert max(len(part) for each in found.values() for part in (each.seen, each.left, each.do)) < 900
    assert found[f"outage:{LIVE}"].seen.endswith("and 498 more.")


def test_a_live_stack_whose_name_was_not_seen_is_looked_at_all_the_same() -> None:
    assert "outage" in bad(sweep(("unreachable",), names=()))
