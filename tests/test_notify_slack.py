"""Posting to Slack, against a fake on loopback that keeps to what Slack publishes (it is a fake, not Slack)."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from botocore.stub import Stubber

from coinquery.aws import Aws
from coinquery.notify import Announcer, Delivery
from coinquery.notify.messages import Message
from coinquery.notify.slack import ATTEMPTS, LONGEST_PAUSE, post
from tests.slack_rules import violations

SECRET = "/services/T0000/B0000/notforlogs"
MESSAGE: Message = {
    "text": "New release",
    "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "New release"}}],
}


@dataclass
class FakeSlack:
    """An incoming webhook: checks method, path, type and message as Slack's documentation says, keeps what it takes.

    ``script`` holds answers (status, headers, text) given in place of its own, first one first.
    """

    address: str = ""
    script: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    asked: int = 0

    def answer(self, path: str, kind: str, body: bytes) -> tuple[int, dict[str, str], str]:
        """The answer to one request."""
        self.asked += 1
        if self.script:
            return self.script.pop(0)
        if path != SECRET:
            return 404, {}, "no_service"
        if kind.partition(";")[0] != "application/json":
            return 400, {}, "invalid_payload"
        problems = violations(json.loads(body))
        if problems:
            return 400, {}, problems[0]
        self.kept.append(json.loads(body))
        return 200, {}, "ok"


@dataclass
class StillClock:
    """A clock that remembers how long it was asked to wait, and does not."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    fake = FakeSlack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, text = fake.answer(self.path, self.headers.get("Content-Type", ""), body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.address = f"http://127.0.0.1:{server.server_address[1]}{SECRET}"
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_is_delivered_once(slack: FakeSlack) -> None:
    assert post(slack.address, MESSAGE, StillClock()) == Delivery(True, 1)
    assert slack.kept == [MESSAGE]


def test_slacks_own_pause_is_kept_and_then_the_message_arrives(slack: FakeSlack) -> None:
    slack.script = [(429, {"Retry-After": "7"}, "ratelimited"), (503, {}, "")]
    clock = StillClock()
    assert post(slack.address, MESSAGE, clock) == Delivery(True, 3)
    asked, own = clock.slept
    assert 7.0 <= asked <= 10.5
    assert 2.0 <= own <= 3.0


def test_i11_what_may_have_arrived_is_sent_again_as_a_possible_repeat(slack: FakeSlack) -> None:
    slack.script = [(503, {}, "")]
    assert post(slack.address, MESSAGE, StillClock()).delivered
    assert "Possible repeat" in json.dumps(slack.kept[0]["blocks"][-1])
    assert slack.kept[0]["text"] == MESSAGE["text"]


def test_i11_a_message_whose_answer_was_lost_is_sent_again_as_a_possible_repeat(slack: FakeSlack) -> None:
    """Slack took it and the connection broke before the answer came."""
    answer, tries = slack.answer, []

    def lose_the_first(path: str, kind: str, body: bytes) -> tuple[int, dict[str, str], str]:
        taken = answer(path, kind, body)
        tries.append(taken)
        if len(tries) == 1:
            raise ConnectionAbortedError
        return taken

    slack.answer = lose_the_first  # type: ignore[method-assign]
    assert post(slack.address, MESSAGE, StillClock()) == Delivery(True, 2)
    assert slack.kept[0] == MESSAGE
    assert "Possible repeat" in json.dumps(slack.kept[1]["blocks"])


def test_i11_what_was_surely_not_taken_is_sent_again_as_it_is(slack: FakeSlack) -> None:
    slack.script = [(429, {"Retry-After": "1"}, "ratelimited")]
    assert post(slack.address, MESSAGE, StillClock()).delivered
    assert slack.kept == [MESSAGE]


@pytest.mark.parametrize("asked", ["86400", "soon", "-1", "", "٣", "1e9"])
def test_no_pause_is_longer_than_the_bound(slack: FakeSlack, asked: str) -> None:
    slack.script = [(429, {"Retry-After": asked.encode().decode("latin-1")}, "ratelimited")]
    clock = StillClock()
    assert post(slack.address, MESSAGE, clock).delivered
    assert len(clock.slept) == 1
    assert 0 <= clock.slept[0] <= LONGEST_PAUSE


def test_tries_are_bounded(slack: FakeSlack) -> None:
    slack.script = [(500, {}, "oops")] * 20
    clock = StillClock()
    assert post(slack.address, MESSAGE, clock) == Delivery(False, ATTEMPTS, "Slack answered 500: oops")
    assert slack.asked == ATTEMPTS
    assert all(least <= slept <= 1.5 * least for least, slept in zip([1.0, 2.0, 4.0], clock.slept, strict=True))


def test_i12_who_was_refused_together_does_not_come_again_together(slack: FakeSlack) -> None:
    clocks = [StillClock() for _ in range(10)]
    for clock in clocks:
        slack.script = [(429, {"Retry-After": "7"}, "ratelimited"), (503, {}, "")]
        assert post(slack.address, MESSAGE, clock).delivered
    assert len({tuple(clock.slept) for clock in clocks}) > 1


@pytest.mark.parametrize(("status", "text"), [(400, "invalid_blocks"), (403, "action_prohibited"), (410, "gone")])
def test_a_refusal_is_told_and_not_tried_again(slack: FakeSlack, status: int, text: str) -> None:
    slack.script = [(status, {}, text)]
    assert post(slack.address, MESSAGE, StillClock()) == Delivery(False, 1, f"Slack answered {status}: {text}")


def test_a_redirect_is_not_followed(slack: FakeSlack) -> None:
    slack.script = [(302, {"Location": "http://127.0.0.1:1/elsewhere"}, "")]
    assert not post(slack.address, MESSAGE, StillClock()).delivered
    assert slack.asked == 1


def test_the_fake_refuses_what_slack_refuses(slack: FakeSlack) -> None:
    wrong: Message = {"text": "x", "blocks": [{"type": "poem"}]}
    assert "invalid_blocks" in post(slack.address, wrong, StillClock()).problem
    assert slack.kept == []


def test_i14_the_address_is_in_no_result_and_no_log(slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    """Even where Slack, or what stands in its place, repeats the address, and where a log takes everything."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with caplog.at_level(logging.DEBUG):
        slack.script = [(400, {}, f"no service at {slack.address} or {SECRET}")]
        told = [
            post(slack.address, MESSAGE, StillClock()),
            post(f"http://127.0.0.1:{port}{SECRET}", MESSAGE, StillClock()),
            post(f"ftp://hooks.example{SECRET}", MESSAGE, StillClock()),
            post(f"https://[{SECRET}", MESSAGE, StillClock()),
        ]
    assert [delivery.delivered for delivery in told] == [False] * 4
    assert all(delivery.problem for delivery in told)
    assert "notforlogs" not in repr(told) + caplog.text


@pytest.mark.parametrize(
    "webhook", ["", "hooks.slack.com/x", "http://hooks.slack.com/x", "https://h/x\nHost: y", "https://hé/x"]
)
def test_i14_what_would_not_keep_the_secret_is_not_posted_to(webhook: str) -> None:
    assert post(webhook, MESSAGE, StillClock()) == Delivery(False, 0, "the webhook's secret holds no https address")


def test_the_address_comes_from_secrets_manager(slack: FakeSlack, offline: Aws) -> None:
    with Stubber(offline.secrets("us-east-1")) as stub:
        stub.add_response("get_secret_value", {"SecretString": slack.address + "\n"}, {"SecretId": "coinquery/slack"})
        told = Announcer("secretsmanager:coinquery/slack", offline, "us-east-1", StillClock()).tell(MESSAGE)
    assert told == Delivery(True, 1)


def test_the_address_comes_from_ssm_decrypted(slack: FakeSlack, offline: Aws) -> None:
    with Stubber(offline.ssm("us-east-1")) as stub:
        stub.add_response(
            "get_parameter",
            {"Parameter": {"Value": slack.address}},
            {"Name": "/coinquery/slack", "WithDecryption": True},
        )
        told = Announcer("ssm:/coinquery/slack", offline, "us-east-1", StillClock()).tell(MESSAGE)
    assert told == Delivery(True, 1)


@pytest.mark.parametrize(
    ("code", "message", "why"),
    [
        ("AccessDeniedException", "User is not authorized",
         "AWS does not permit secretsmanager:GetSecretValue: User is not authorized"),
        ("InvalidSignatureException", "Signature expired: then is now earlier than now",
         "this machine's clock is wrong, says AWS: Signature expired: then is now earlier than now"),
        ("DecryptionFailure", "The key of alias/x is disabled", "DecryptionFailure"),
    ],
)  # fmt: skip
def test_a_secret_that_can_not_be_read_is_told_and_nothing_is_raised(
    offline: Aws, code: str, message: str, why: str
) -> None:
    with Stubber(offline.secrets("us-east-1")) as stub:
        stub.add_client_error("get_secret_value", code, message)
        told = Announcer("secretsmanager:coinquery/slack", offline, "us-east-1", StillClock()).tell(MESSAGE)
    assert told == Delivery(False, 0, f"the webhook's secret secretsmanager:coinquery/slack can't be read: {why}")


def test_without_slack_it_is_said() -> None:
    told = Announcer(None, cast("Aws", None), "us-east-1", StillClock()).tell(MESSAGE)
    assert told.problem.startswith("Slack is not configured")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return Aws()
