"""Alerts say what an engineer would want to be told: once, in time, and never of what they know already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery.monitor.alerts import Alert, Channel, Kind, Notice, Rules, Step, step
from coinquery.monitor.finding import Severity
from coinquery.monitor.outlook import InstanceOutlook, NameOutlook, Outlook, Role, StackOutlook
from coinquery.monitor.verdict import Verdict
from tests.simulated_day import Change, Machines, Name, Production, told

LIVE, BACK, NAME = "cq-eth-0002-prod", "cq-eth-0001-prod", "eth.example.com"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = Rules()


# A day.


def production() -> Production:
    """eth in us-east-1, ltc in eu-west-1; each name has a live stack and a way back, and all is well."""
    return Production(
        stacks={
            "cq-eth-0006-prod": Machines("us-east-1", 2, {"i-61": "healthy", "i-62": "healthy"}),
            "cq-eth-0007-prod": Machines("us-east-1", 2, {"i-71": "healthy", "i-72": "healthy"}),
            "cq-ltc-0002-prod": Machines("eu-west-1", 1, {"i-21": "healthy"}),
            "cq-ltc-0003-prod": Machines("eu-west-1", 2, {"i-31": "healthy", "i-32": "healthy"}),
        },
        names={
            "eth": Name("us-east-1", "cq-eth-0007-prod", "cq-eth-0006-prod"),
            "ltc": Name("eu-west-1", "cq-ltc-0003-prod", "cq-ltc-0002-prod", certificate_days=3),
        },
    )


def node(stack: str, instance: str, verdict: Verdict) -> Change:
    return lambda world: world.stacks[stack].verdicts.update({instance: verdict})


def all_are(stack: str, verdict: Verdict) -> Change:
    return lambda world: world.all_are(stack, verdict)


def terminate(stack: str, instance: str) -> Change:
    return lambda world: world.stacks[stack].verdicts.pop(instance)


def create(stack: str, verdicts: dict[str, Verdict]) -> Change:
    return lambda world: world.stacks.update({stack: Machines("us-east-1", 2, verdicts)})


def retire(stack: str) -> Change:
    return lambda world: world.stacks.pop(stack)


def protection(stack: str, *off: str) -> Change:
    return lambda world: setattr(world.stacks[stack], "off", off)


def lead(coin: str, stack: str | None, way_back: str | None) -> Change:
    return lambda world: vars(world.names[coin]).update(stack=stack, way_back=way_back)


def certificate(coin: str, days: int) -> Change:
    return lambda world: setattr(world.names[coin], "certificate_days", days)


def silence(stack: str, until: str) -> Change:
    return lambda world: world.silences.update({stack: datetime.fromisoformat(f"2026-03-01T{until}Z")})


def died(*sweeps: str) -> Change:
    return lambda world: setattr(world, "died", sweeps)


def slack(answers: bool) -> Change:
    return lambda world: setattr(world, "slack_answers", answers)


STORY: list[tuple[str, Change]] = [
    # A single sweep in which a node does not answer: nobody is woken.
    ("00:40", node("cq-ltc-0003-prod", "i-32", "unreachable")),
    ("00:41", node("cq-ltc-0003-prod", "i-32", "healthy")),
    # A node flaps for half an hour, in every other sweep: one warning, one all-clear.
    *((f"01:{minute}", node("cq-ltc-0003-prod", "i-32", "lagging")) for minute in range(15, 46, 2)),
    *((f"01:{minute}", node("cq-ltc-0003-prod", "i-32", "healthy")) for minute in range(16, 47, 2)),
    # Outage: first one node, then the other; they come back one by one. The name answers 503: no second page for it.
    ("03:12", node("cq-eth-0007-prod", "i-71", "unreachable")),
    ("03:13", node("cq-eth-0007-prod", "i-72", "unreachable")),
    ("03:25", node("cq-eth-0007-prod", "i-71", "healthy")),
    ("03:34", node("cq-eth-0007-prod", "i-72", "healthy")),
    # The references of eth are down: nothing can be judged, and that is no outage.
    ("05:00", all_are("cq-eth-0006-prod", "unknown")),
    ("05:00", all_are("cq-eth-0007-prod", "unknown")),
    ("05:20", all_are("cq-eth-0006-prod", "healthy")),
    ("05:20", all_are("cq-eth-0007-prod", "healthy")),
    # Maintenance, announced until 10:00: a short outage within it is nobody's; what is left over at its end is told.
    ("09:00", silence("cq-ltc-0003-prod", "10:00")),
    ("09:10", all_are("cq-ltc-0003-prod", "unreachable")),
    ("09:20", node("cq-ltc-0003-prod", "i-31", "healthy")),
    ("10:12", node("cq-ltc-0003-prod", "i-32", "healthy")),
    # A rollout: the new stack starts and syncs for an hour, which is as it should be.
    ("11:00", create("cq-eth-0008-prod", {})),
    ("11:06", create("cq-eth-0008-prod", {"i-81": "starting", "i-82": "unreachable"})),
    ("11:10", all_are("cq-eth-0008-prod", "syncing")),
    # Meanwhile somebody takes its protection off for a while: it is production from its first second.
    ("11:20", protection("cq-eth-0008-prod", "termination protection")),
    ("11:30", protection("cq-eth-0008-prod")),
    ("12:00", all_are("cq-eth-0008-prod", "healthy")),
    ("12:10", lead("eth", "cq-eth-0008-prod", "cq-eth-0007-prod")),
    # The new release fails under load; the engineer rolls back, mends nothing, and retires the stack later.
    ("12:30", all_are("cq-eth-0008-prod", "stalled")),
    ("12:41", lead("eth", "cq-eth-0007-prod", "cq-eth-0006-prod")),
    ("13:29", protection("cq-eth-0008-prod", "termination protection")),
    ("13:30", retire("cq-eth-0008-prod")),
    # The certificate of ltc, told in the night, was forgotten; in the afternoon it is urgent.
    ("14:00", certificate("ltc", 2)),
    ("14:30", certificate("ltc", 395)),
    # The way back falls behind.
    ("15:00", all_are("cq-eth-0006-prod", "lagging")),
    ("15:20", all_are("cq-eth-0006-prod", "healthy")),
    # Somebody moves the record by hand.
    ("17:00", lead("eth", None, None)),
    ("17:10", lead("eth", "cq-eth-0007-prod", "cq-eth-0006-prod")),
    # Sweeps die for four minutes.
    *((f"18:0{minute}", died(f"180{minute - 1}")) for minute in range(1, 5)),
    ("18:05", died()),
    # A volume fills; it will be told again by nobody, and is not mended today.
    ("20:00", node("cq-ltc-0003-prod", "i-31", "filling")),
    # An instance is gone, and so is Slack.
    ("21:58", slack(False)),
    ("22:00", terminate("cq-eth-0007-prod", "i-72")),
    ("22:05", slack(True)),
    ("22:20", node("cq-eth-0007-prod", "i-73", "starting")),
    ("22:31", node("cq-eth-0007-prod", "i-73", "healthy")),
]


@pytest.fixture(scope="module")
def day() -> list[tuple[datetime, Notice]]:
    return list(told(production(), STORY))


def test_a_day_of_sweeps_gives_exactly_the_messages_that_an_engineer_wants(day: list[tuple[datetime, Notice]]) -> None:
    """What it must show, 6: flapping, an outage, a rollout and a maintenance silence."""
    messages = [(f"{time:%H:%M}", n.kind, n.severity, n.title) for time, n in day]
    assert messages == [
        ("00:02", "raised", "warning", "certificate of ltc.example.com ends soon"),
        ("01:19", "raised", "warning", "cq-ltc-0003-prod degraded"),
        ("01:50", "resolved", "warning", "cq-ltc-0003-prod degraded"),
        ("03:15", "raised", "page", "outage of cq-eth-0007-prod"),
        ("03:26", "raised", "warning", "cq-eth-0007-prod degraded"),
        ("03:29", "resolved", "page", "outage of cq-eth-0007-prod"),
        ("03:38", "resolved", "warning", "cq-eth-0007-prod degraded"),
        ("05:02", "raised", "warning", "cq-eth-0007-prod can't be judged"),
        ("05:24", "resolved", "warning", "cq-eth-0007-prod can't be judged"),
        ("10:00", "raised", "warning", "cq-ltc-0003-prod degraded"),
        ("10:16", "resolved", "warning", "cq-ltc-0003-prod degraded"),
        ("11:22", "raised", "warning", "cq-eth-0008-prod unprotected"),
        ("11:34", "resolved", "warning", "cq-eth-0008-prod unprotected"),
        ("12:32", "raised", "page", "outage of cq-eth-0008-prod"),
        ("12:41", "closed", "page", "outage of cq-eth-0008-prod"),
        ("14:00", "escalated", "page", "certificate of ltc.example.com ends soon"),
        ("14:34", "resolved", "page", "certificate of ltc.example.com ends soon"),
        ("15:02", "raised", "warning", "no way back for eth.example.com"),
        ("15:24", "resolved", "warning", "no way back for eth.example.com"),
        ("17:02", "raised", "page", "no right answer from eth.example.com"),
        ("17:14", "resolved", "page", "no right answer from eth.example.com"),
        ("18:03", "raised", "warning", "monitor of us-east-1 in trouble"),
        ("18:09", "resolved", "warning", "monitor of us-east-1 in trouble"),
        ("20:02", "raised", "warning", "data volume of cq-ltc-0003-prod filling"),
        ("22:05", "raised", "warning", "cq-eth-0007-prod degraded"),
        ("22:35", "resolved", "warning", "cq-eth-0007-prod degraded"),
    ]


def test_the_messages_say_what_is_left_since_when_and_what_to_do(day: list[tuple[datetime, Notice]]) -> None:
    """The outage, its all-clear, and the rollback's end, word for word."""
    said = {(f"{time:%H:%M}", n.key): n.sentences for time, n in day}
    assert said["03:15", "outage:cq-eth-0007-prod"] == (
        "0 of 2 instances serve.",
        "eth.example.com leads to it. i-71 is unreachable: as the story has it: unreachable; "
        "i-72 is unreachable: as the story has it: unreachable.",
        "Since 2026-03-01 03:13Z, in 3 of the last 3 sweeps.",
        "`cq rollback eth`: cq-eth-0006-prod is the way back and in step. Look: `cq status cq-eth-0007-prod`.",
    )
    assert said["03:29", "outage:cq-eth-0007-prod"] == (
        "1 of 2 instances serves.",
        "It lasted 11 min 0 s: seen from 2026-03-01 03:13Z to 2026-03-01 03:24Z.",
    )
    assert said["12:41", "outage:cq-eth-0008-prod"][0] == (
        "cq-eth-0008-prod is not the live stack any more: eth.example.com leads to cq-eth-0007-prod now."
    )


# One alert.


def eth(
    *verdicts: Verdict, at: int = 0, role: Role = "live", silenced_until: int | None = None, days: int | None = 60
) -> Outlook:
    """A sweep of eth's live stack, ``at`` minutes past noon."""
    time = NOON + timedelta(minutes=at)
    stack = StackOutlook(
        stack=LIVE,
        coin="eth",
        role=role,
        expected=2,
        instances=tuple(
            InstanceOutlook(instance=f"i-{n}", verdict=v, reason="so", has_head=v != "unknown")
            for n, v in enumerate(verdicts)
        ),
    )
    leads_to = LIVE if role == "live" else BACK
    return Outlook(
        time=time,
        sweep=str(at),
        region="us-east-1",
        stacks=(stack,),
        names=(NameOutlook(coin="eth", name=NAME, stack=leads_to, answers=True, certificate_days=days),),
        silences={} if silenced_until is None else {LIVE: NOON + timedelta(minutes=silenced_until)},
    )


def live_through(outlooks: Sequence[Outlook], before: tuple[Alert, ...] = ()) -> tuple[list[list[str]], Step]:
    """What is said in each sweep, as ``kind key``, and the last step."""
    said, decided = [], Step((), {})
    for outlook in outlooks:
        decided = step(before, outlook)
        before = decided.alerts
        said.append([f"{notice.kind} {notice.key}" for notice in decided.notices])
    return said, decided


WELL: tuple[Verdict, ...] = ("healthy", "healthy")
DOWN: tuple[Verdict, ...] = ("unreachable", "stalled")


@pytest.mark.parametrize(
    ("sweeps", "said_in"),
    [("b", None), ("bb", None), ("bbb", 2), ("bgbgb", 4), ("bggbgb", None), ("bbgb", 3), ("bbgggggb", None)],
)
def test_an_alert_is_raised_with_the_third_bad_of_five_sweeps(sweeps: str, said_in: int | None) -> None:
    said, _ = live_through([eth(*(DOWN if each == "b" else WELL), at=n) for n, each in enumerate(sweeps)])
    assert [n for n, each in enumerate(said) if each == [f"raised outage:{LIVE}"]] == (
        [] if said_in is None else [said_in]
    )
    assert sum(map(len, said)) == (said_in is not None)


def test_since_is_the_first_bad_sweep_of_this_trouble_and_not_of_a_hiccup_before_it() -> None:
    """Every fifth sweep is bad, which is nobody's alarm; at 12:10 an outage begins."""
    outlooks = [eth(*(DOWN if n % 5 == 0 or n >= 10 else WELL), at=n) for n in range(13)]
    (notice,) = live_through(outlooks)[1].notices
    assert "Since 2026-03-01 12:10Z, in 3 of the last 5 sweeps." in notice.sentences


def test_what_lasts_is_told_once_and_its_end_once_and_nothing_is_kept_after_it() -> None:
    said, last = live_through([eth(*(DOWN if n < 60 else WELL), at=n) for n in range(70)])
    assert [(n, each) for n, each in enumerate(said) if each] == [
        (2, [f"raised outage:{LIVE}"]),
        (64, [f"resolved outage:{LIVE}"]),
    ]
    assert last.alerts == ()


def test_i13_a_sweep_that_can_not_tell_neither_raises_nor_resolves() -> None:
    dark: tuple[Verdict, ...] = ("unreachable", "unknown")
    before = live_through([eth(*DOWN, at=n) for n in range(3)])[1].alerts
    said, last = live_through([eth(*dark, at=3 + n) for n in range(20)], before)
    assert f"outage:{LIVE}" not in " ".join(map(str, said))
    assert [alert for alert in last.alerts if alert.key == f"outage:{LIVE}"] == list(before)


def test_a_warning_that_becomes_graver_is_told_once_and_never_when_it_becomes_less() -> None:
    days = [5, 5, 5, 2, 2, 5, 2, *[300] * 5]
    said, _ = live_through([eth(*WELL, at=n, days=left) for n, left in enumerate(days)])
    assert [each for each in said if each] == [
        [f"raised certificate:{NAME}"],
        [f"escalated certificate:{NAME}"],
        [f"resolved certificate:{NAME}"],
    ]


def test_an_all_clear_of_what_was_told_before_a_silence_is_told_in_it() -> None:
    bad = [eth(*DOWN, at=n) for n in range(3)]
    good = [eth(*WELL, at=3 + n, silenced_until=60) for n in range(5)]
    assert live_through(bad + good)[0][-1] == [f"resolved outage:{LIVE}"]


def test_the_live_stacks_silence_silences_its_name() -> None:
    outlooks = [eth(*WELL, at=n, silenced_until=10, days=1) for n in range(12)]
    said, _ = live_through(outlooks)
    assert [(n, each) for n, each in enumerate(said) if each] == [(10, [f"raised certificate:{NAME}"])]


@pytest.mark.parametrize("complete", [True, False])
def test_i13_an_alert_is_closed_only_if_it_is_known_that_its_stack_is_gone(complete: bool) -> None:
    before = live_through([eth(*DOWN, at=n) for n in range(3)])[1].alerts
    nothing = Outlook(time=NOON + timedelta(minutes=3), sweep="3", region="us-east-1", complete=complete)
    said, last = live_through([nothing], before)
    assert said == ([[f"closed outage:{LIVE}"]] if complete else [[]])
    assert last.alerts == (() if complete else before)


def test_an_alert_of_a_stack_that_a_name_still_leads_to_is_not_closed() -> None:
    """A live stack that somebody deletes is an outage, and no end of one."""
    before = live_through([eth(*DOWN, at=n) for n in range(3)])[1].alerts
    without = msgspec.structs.replace(eth(*DOWN, at=3), stacks=())
    assert live_through([without], before)[0] == [[]]


def test_an_alert_that_nobody_was_told_of_goes_without_a_word() -> None:
    before = live_through([eth(*DOWN, at=n) for n in range(2)])[1].alerts
    said, last = live_through([eth(*DOWN, at=2, role="other")], before)
    assert said == [[]]
    assert last.alerts == ()


def test_sweeps_that_a_rollout_asks_for_are_no_minutes() -> None:
    """Three bad sweeps within some seconds raise nothing; three that are a minute apart do."""
    quick = [msgspec.structs.replace(eth(*DOWN), time=NOON + timedelta(seconds=n)) for n in range(29)]
    said, last = live_through(quick)
    assert not any(said)
    (alert,) = [alert for alert in last.alerts if alert.key == f"outage:{LIVE}"]
    assert alert.recent == (True,)
    good = msgspec.structs.replace(eth(*WELL), time=NOON + timedelta(seconds=29))
    assert live_through([good], last.alerts)[1].alerts == last.alerts
    assert live_through([eth(*DOWN, at=n) for n in (1, 2)], last.alerts)[0][-1] == [f"raised outage:{LIVE}"]


def test_the_state_of_a_version_that_knew_other_alerts_is_closed_and_kills_no_sweep() -> None:
    old = Alert(key="moon:full", recent=(True,) * 9, newest=NOON, since=NOON, last=NOON, told="page")
    (notice,) = step((old,), eth(*WELL)).notices
    assert (notice.kind, notice.title) == ("closed", "moon of full")


@pytest.mark.parametrize("kind", ["raised", "escalated", "resolved", "closed"])
def test_a_notice_that_was_not_delivered_comes_again(kind: str) -> None:
    days = {"raised": [5, 5, 5], "escalated": [5, 5, 5, 2], "resolved": [5, 5, 5, *[90] * 5], "closed": [5, 5, 5]}[kind]
    outlooks = [eth(*WELL, at=n, days=left) for n, left in enumerate(days)]
    if kind == "closed":
        outlooks.append(Outlook(time=NOON + timedelta(minutes=9), sweep="9", region="us-east-1"))
    _, decided = live_through(outlooks)
    assert [notice.kind for notice in decided.notices] == [kind]
    again = step(decided.untold(decided.tellings), outlooks[-1])
    assert [notice.kind for notice in again.notices] == [kind]
    assert step(again.alerts, outlooks[-1]).notices == ()


def wrong(*, bad: bool, at: int) -> Outlook:
    """A sweep in which the name is well, or leads to none of ours, which pages."""
    problems = (f"{NAME} leads elsewhere",) if bad else ()
    name = NameOutlook(coin="eth", name=NAME, stack=None if bad else LIVE, answers=not bad, problems=problems)
    return msgspec.structs.replace(eth(*WELL, at=at), names=(name,))


def delivered_by(
    channels: set[Channel], outlooks: Sequence[Outlook], before: tuple[Alert, ...]
) -> tuple[list[tuple[Kind, Channel]], tuple[Alert, ...]]:
    """What is told of the name while only these channels take anything; what is kept goes through JSON."""
    told = []
    for outlook in outlooks:
        decided = step(before, outlook)
        told += [(notice.kind, to) for notice, to in decided.tellings if to in channels and notice.subject == NAME]
        kept = decided.untold([each for each in decided.tellings if each[1] not in channels])
        before = msgspec.json.decode(msgspec.json.encode(kept), type=tuple[Alert, ...])
    return told, before


def test_while_slack_is_down_the_pager_is_told_once_and_of_the_end() -> None:
    bad, good = [wrong(bad=True, at=n) for n in range(60)], [wrong(bad=False, at=60 + n) for n in range(10)]
    told, kept = delivered_by({"pager"}, bad + good, ())
    assert told == [("raised", "pager"), ("resolved", "pager")]
    assert kept == ()


def test_slack_is_told_when_it_is_back_and_the_pager_is_not_told_again() -> None:
    told, kept = delivered_by({"pager"}, [wrong(bad=True, at=n) for n in range(10)], ())
    assert delivered_by({"pager", "slack"}, [wrong(bad=True, at=10 + n) for n in range(5)], kept)[0] == [
        ("raised", "slack")
    ]
    assert told == [("raised", "pager")]


def test_an_all_clear_that_slack_did_not_take_comes_again_for_slack_alone() -> None:
    _, kept = delivered_by({"pager", "slack"}, [wrong(bad=True, at=n) for n in range(5)], ())
    told, kept = delivered_by({"pager"}, [wrong(bad=False, at=5 + n) for n in range(9)], kept)
    assert told == [("resolved", "pager")]
    told, kept = delivered_by({"pager", "slack"}, [wrong(bad=False, at=14 + n) for n in range(3)], kept)
    assert (told, kept) == ([("resolved", "slack")], ())


def test_trouble_that_returns_while_slack_owes_the_all_clear_is_new_trouble() -> None:
    _, kept = delivered_by({"pager", "slack"}, [wrong(bad=True, at=n) for n in range(5)], ())
    _, kept = delivered_by({"pager"}, [wrong(bad=False, at=5 + n) for n in range(9)], kept)
    told, kept = delivered_by({"pager"}, [wrong(bad=True, at=100 + n) for n in range(2)], kept)
    assert told == [], "two of five are a hiccup"
    told, kept = delivered_by({"pager"}, [wrong(bad=True, at=102)], kept)
    assert told == [("raised", "pager")]
    assert [alert.since for alert in kept if alert.key == f"name:{NAME}"] == [NOON + timedelta(minutes=100)]


def test_an_escalation_that_the_pager_did_not_take_comes_again_though_it_flaps() -> None:
    days = [5, 5, 5, 2, *[300, 300, 2]]
    _, kept = delivered_by({"slack"}, [eth(*WELL, at=n, days=left) for n, left in enumerate(days)], ())
    told, _ = delivered_by({"pager"}, [eth(*WELL, at=7, days=300), eth(*WELL, at=8, days=2)], kept)
    assert told == [("raised", "pager")]


def test_the_pager_is_told_before_slack() -> None:
    decided = live_through([wrong(bad=True, at=n) for n in range(3)])[1]
    assert [channel for notice, channel in decided.tellings if notice.subject == NAME] == ["pager", "slack"]


@pytest.mark.parametrize(
    ("key", "told", "channels"),
    [
        (f"name:{NAME}", "page", ["pager", "slack"]),
        (f"certificate:{NAME}", "warning", ["slack"]),
        (f"outage:{LIVE}", "page", ["slack"]),
    ],
)
def test_an_alert_that_was_kept_before_channels_were_was_heard_by_all(key: str, told: str, channels: list[str]) -> None:
    moment = "2026-03-01T12:00:00Z"
    document = {"key": key, "recent": [True], "newest": moment, "since": moment, "last": moment, "told": told}
    alert = msgspec.convert(document, Alert)
    assert alert.heard == dict.fromkeys(channels, told)
    decided = live_through([eth(*WELL, at=1 + n) for n in range(5)], (alert,))[1]
    assert [(notice.kind, channel) for notice, channel in decided.tellings] == [("resolved", each) for each in channels]


# Any days at all.

VERDICTS = st.sampled_from(["healthy", "healthy", "unreachable", "stalled", "unknown", "filling", "unprotected"])
TARGETS = st.sampled_from([LIVE, LIVE, LIVE, BACK, None])
PROBLEMS = st.sampled_from([(), (), ("something is wrong",)])


def stacks_of(live: str | None) -> st.SearchStrategy[tuple[StackOutlook, ...]]:
    def one(name: str) -> st.SearchStrategy[StackOutlook]:
        verdicts = st.lists(VERDICTS, max_size=2)
        return st.builds(
            lambda seen, off: StackOutlook(
                stack=name,
                coin="eth",
                role="live" if name == live else "way-back",
                expected=2,
                instances=tuple(
                    InstanceOutlook(instance=f"i-{n}", verdict=cast(Verdict, v), reason="so", has_head=v != "unknown")
                    for n, v in enumerate(seen)
                ),
                unprotected=off,
            ),
            verdicts,
            st.sampled_from([(), (), ("stack policy",), None]),
        )

    return st.tuples(one(LIVE), one(BACK)) | st.tuples(one(LIVE)) | st.just(())


@st.composite
def looks(draw: st.DrawFn) -> Outlook:
    """A sweep's outlook, without its time."""
    live = draw(TARGETS)
    name = NameOutlook(
        coin="eth",
        name=NAME,
        stack=live,
        answers=draw(st.sampled_from([True, True, False, None])),
        problems=draw(PROBLEMS),
        certificate_days=draw(st.sampled_from([60, 60, 10, 1, None])),
        way_back=draw(st.sampled_from([BACK, None])),
        way_back_problems=draw(PROBLEMS),
    )
    silenced = draw(st.sampled_from([{}, {}, {LIVE: NOON + timedelta(days=1)}, {BACK: NOON + timedelta(days=1)}]))
    return Outlook(
        time=NOON,
        sweep="s",
        region="us-east-1",
        stacks=draw(stacks_of(live)),
        names=draw(st.sampled_from([(name,), (name,), (name,), ()])),
        silences=silenced,
        died=draw(st.sampled_from([(), (), ("x",)])),
        complete=draw(st.sampled_from([True, True, False])),
    )


@st.composite
def days(draw: st.DrawFn) -> list[Outlook]:
    """Sweeps in runs of the same, as trouble comes, a minute apart."""
    runs = draw(st.lists(st.tuples(looks(), st.integers(1, 7)), max_size=12))
    sweeps = [look for look, length in runs for _ in range(length)]
    return [msgspec.structs.replace(each, time=NOON + timedelta(minutes=n)) for n, each in enumerate(sweeps)]


@settings(max_examples=100)
@given(days(), st.randoms(use_true_random=False))
def test_nothing_is_raised_twice_and_nothing_of_a_silenced_stack_whatever_reaches_slack(
    outlooks: list[Outlook], chance: Random
) -> None:
    """And what is kept stays bounded, and outlives JSON unchanged."""
    before: tuple[Alert, ...] = ()
    heard: dict[tuple[str, Channel], Severity] = {}
    for outlook in outlooks:
        decided = step(before, outlook)
        undelivered = [telling for telling in decided.tellings if chance.random() < 0.3]
        for notice, channel in decided.tellings:
            who = (notice.key, channel)
            if notice.kind in ("raised", "escalated"):
                assert not _is_silenced(notice, outlook)
                assert heard.get(who) in (None, "warning")
                assert heard.get(who) != notice.severity
            else:
                assert who in heard
            if (notice, channel) not in undelivered:
                heard.pop(who, None)
                if notice.kind in ("raised", "escalated"):
                    heard[who] = notice.severity
        before = decided.untold(undelivered)
        assert {(alert.key, who): graver for alert in before for who, graver in alert.heard.items()} == heard
        assert all(len(alert.recent) <= RULES.window for alert in before)
        assert all(alert.heard or any(alert.recent) for alert in before)
        assert msgspec.json.decode(msgspec.json.encode(before), type=tuple[Alert, ...]) == before


@settings(max_examples=100)
@given(days())
def test_whatever_happened_all_is_resolved_or_closed_after_a_window_of_good_sweeps(outlooks: list[Outlook]) -> None:
    before: tuple[Alert, ...] = ()
    for outlook in outlooks:
        before = step(before, outlook).alerts
    open_, ended = {alert.key for alert in before if alert.heard}, set[str]()
    for n in range(RULES.window):
        decided = step(before, eth(*WELL, at=1000 + n))
        assert all(notice.kind in ("resolved", "closed") for notice in decided.notices)
        ended |= {notice.key for notice in decided.notices}
        before = decided.alerts
    assert ended == open_
    assert before == ()


def _is_silenced(notice: Notice, outlook: Outlook) -> bool:
    """By the words of the issue: the stack itself, or, for a name, the live stack."""
    if notice.subject in outlook.silences:
        return True
    return notice.subject == NAME and any(name.stack in outlook.silences for name in outlook.names)
