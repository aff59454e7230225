"""Post a message to a Slack incoming webhook: bounded in time and tries, its address never shown (I14).

Slack answers 200 ``ok``; 429 with ``Retry-After`` when it is asked too often (about one message a second and
channel); other 4xx with the reason as text, which no retry mends. A message whose answer was lost, or was 5xx, may have
arrived: it is sent again, marked as a possible repeat (I11).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coinquery.clock import Clock, spread
from coinquery.notify.messages import Message
from coinquery.notify.repeats import marked

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

ATTEMPTS = 4
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0
#: Seconds that one pause may last, whatever Slack asks for.
LONGEST_PAUSE = 30.0
_ANSWER_LIMIT = 300


@dataclass(frozen=True)
class Delivery:
    """What became of a message. ``problem`` is one sentence for people, ``""`` when it was delivered."""

    delivered: bool
    attempts: int
    problem: str = ""


def post(webhook: str, message: Message, clock: Clock, attempts: int = ATTEMPTS) -> Delivery:
    """Send a message; a Slack that fails is told in the result, nothing is raised."""
    if not _is_address(webhook):
        return Delivery(False, 0, "the webhook's secret holds no https address")
    problem = ""
    for attempt in range(1, attempts + 1):
        answer = _send(webhook, message)
        if isinstance(answer, NoAnswer):
            problem, pause, again = answer.why, _backoff(attempt), True
        elif answer.status == 200:
            return Delivery(True, attempt)
        else:
            problem, pause, again = _refusal(webhook, answer), _pause(answer, attempt), _is_passing(answer)
        if not again:
            return Delivery(False, attempt, problem)
        if _may_have_arrived(answer):
            message = marked(message)
        if attempt < attempts:
            clock.sleep(pause)
    return Delivery(False, attempts, problem)


def scrub(text: str, webhook: str) -> str:
    """The text without the webhook's address or its path, which is the secret."""
    path = urlsplit(webhook).path if _is_address(webhook) else ""
    hidden = text.replace(webhook, "[webhook]") if webhook else text
    return hidden.replace(path, "[webhook]") if len(path) > 1 else hidden


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no answer, and whether the message was sent at all."""

    why: str
    sent: bool


def _may_have_arrived(answer: BaseHTTPResponse | NoAnswer) -> bool:
    return answer.sent if isinstance(answer, NoAnswer) else answer.status >= 500


def _send(webhook: str, message: Message) -> BaseHTTPResponse | NoAnswer:
    """Slack's answer, or why there is none."""
    import urllib3

    # urllib3 writes each request's path, here the secret, to its debug log.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
    try:
        with urllib3.PoolManager(retries=False, timeout=timeout) as pool:  # no redirects either
            return pool.request(
                "POST", webhook, body=json.dumps(message),
                headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "coinquery"},
            )  # fmt: skip
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        unsent = urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError | ValueError
        return NoAnswer(f"Slack gave no answer ({type(error).__name__})", not isinstance(error, unsent))


def _refusal(webhook: str, answer: BaseHTTPResponse) -> str:
    said = " ".join(answer.data[:_ANSWER_LIMIT].decode("utf-8", "replace").split())
    return scrub(f"Slack answered {answer.status}: {said or 'without a reason'}", webhook)


def _is_passing(answer: BaseHTTPResponse) -> bool:
    return answer.status == 429 or answer.status >= 500


def _pause(answer: BaseHTTPResponse, attempt: int) -> float:
    asked: Any = answer.headers.get("Retry-After", "")
    return min(spread(float(asked)) if asked.isdecimal() else _backoff(attempt), LONGEST_PAUSE)


def _backoff(attempt: int) -> float:
    return spread(2.0 ** (attempt - 1))


def _is_address(webhook: str) -> bool:
    """Whether it is an address that keeps the secret: https, or http that does not leave the machine."""
    try:
        parts = urlsplit(webhook)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not webhook.isascii() or any(character.isspace() for character in webhook):
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and (host == "localhost" or host.startswith("127.")))
    )
