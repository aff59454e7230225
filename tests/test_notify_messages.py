"""Messages keep to the rules that Slack publishes, whatever a person wrote into a tag, a subject line or a name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinquery.durations import lasting
from coinquery.notify import ProductionLive, new_release, production_live
from coinquery.notify.blocks import escape, link
from coinquery.releases.release import Release
from tests.slack_rules import violations

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = (
    st.text(max_size=60)
    | st.text("<>&|*_`@#!\n é😀", max_size=6000)
    | st.sampled_from(["", " ", "<!channel>", "&amp;"])
)
ADDRESSES = st.sampled_from(["", "https://github.com/o/r/commit/c0ffee"]) | st.text(max_size=3000).map(
    "https://x/".__add__
)


def release(**fields: Any) -> Release:
    made = {
        "tag": "v1.2.0",
        "commit": COMMIT,
        "author": "Ada <ada>",
        "date": datetime(2026, 3, 1, tzinfo=UTC),
        "coin": "eth",
        "notes": "eth v1.2.0: 1 change(s)\n\n- Compare a < b && c (0123456, Ada)",
        "url": "https://github.com/o/r/releases/tag/v1.2.0",
        "commit_url": f"https://github.com/o/r/commit/{COMMIT}",
    }
    return Release(**{**made, **fields})


def live(**fields: Any) -> ProductionLive:
    made = {
        "coin": "eth",
        "stack": "cq-eth-0002-prod",
        "region": "us-east-1",
        "release": "v1.2.0",
        "commit": COMMIT,
        "author": "arn:aws:sts::123456789012:assumed-role/deployer/ada",
        "public_name": "eth.example.com",
        "seconds": 3725.4,
        "links": (("Stack in the console", "https://console.aws.amazon.com/cloudformation/home?region=us-east-1#/x"),),
    }
    return ProductionLive(**{**made, **fields})


def test_a_new_release_tells_coin_release_commit_author_changes_and_links() -> None:
    message = new_release(release())
    assert violations(message) == []
    shown = json.dumps(message["blocks"], ensure_ascii=False)
    assert "New release: eth v1.2.0" in shown
    assert f"<https://github.com/o/r/commit/{COMMIT}|{COMMIT[:12]}>" in shown
    assert "<https://github.com/o/r/releases/tag/v1.2.0|v1.2.0>" in shown
    assert "Ada &lt;ada&gt;" in shown
    assert "a &lt; b &amp;&amp; c" in shown


def test_a_live_stack_tells_all_that_the_process_asks_for() -> None:
    message = production_live(live())
    assert violations(message) == []
    shown = json.dumps(message, ensure_ascii=False)
    for part in ("eth", "cq-eth-0002-prod", "us-east-1", "v1.2.0", COMMIT[:12], "deployer/ada", "eth.example.com",
                 "Took 1 h 2 min", "Stack in the console"):  # fmt: skip
        assert part in shown
    assert "repeat" not in shown


def test_i11_a_possible_repeat_is_marked() -> None:
    message = production_live(live(possible_repeat=True))
    assert violations(message) == []
    assert "Possible repeat" in json.dumps(message)


@given(tag=TEXTS, author=TEXTS, coin=TEXTS, notes=TEXTS, url=ADDRESSES, commit_url=ADDRESSES)
def test_any_release_makes_a_message_that_slack_takes(**fields: Any) -> None:
    assert violations(new_release(release(**fields))) == []


@given(
    stack=TEXTS, region=TEXTS, author=TEXTS, public_name=TEXTS, release_url=ADDRESSES, seconds=st.floats(0, 1e7),
    links=st.lists(st.tuples(TEXTS, ADDRESSES), max_size=20).map(tuple), possible_repeat=st.booleans(),
)  # fmt: skip
def test_any_live_stack_makes_a_message_that_slack_takes(**fields: Any) -> None:
    assert violations(production_live(live(**fields))) == []


@given(TEXTS, st.integers(10, 3000))
def test_an_escaped_text_is_within_its_limit_and_cut_between_characters(text: str, limit: int) -> None:
    escaped = escape(text, limit)
    assert 1 <= len(escaped) <= limit
    plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert plain == (text or "…") or (plain.endswith("…") and text.startswith(plain[:-1]))


def test_a_name_can_not_call_the_channel() -> None:
    assert escape("<!channel> <@U1>") == "&lt;!channel&gt; &lt;@U1&gt;"
    assert link("https://x.example/a|b>c", "v1|<!here>") == "<https://x.example/a%7Cb%3Ec|v1¦&lt;!here&gt;>"
    assert link("", "v1") == "v1"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (185, "3 min 5 s"), (7200, "2 h 0 min"), (273600, "3 d 4 h"),
     (-3, "0 s")],
)  # fmt: skip
def test_lengths_of_time_for_people(seconds: float, shown: str) -> None:
    assert lasting(seconds) == shown


@pytest.mark.parametrize(
    "message",
    [
        {"text": "x"},
        {"text": "", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x"}}]},
        {"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
        {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "a < b"}}]},
        {"text": "x", "blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]},
        {"text": "x", "blocks": [{"type": "section"}]},
        {"text": "x", "blocks": [{"type": "poem"}]},
        {"text": "x", "blocks": [{"type": "context", "elements": []}]},
        {"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x"}}] * 51},
    ],
)
def test_the_checker_refuses_what_slack_refuses(message: dict[str, Any]) -> None:
    assert violations(message) != []
