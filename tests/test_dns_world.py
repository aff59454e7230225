"""The public name from outside, where nobody is to be trusted: each question has an end, and none raises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import repeat

import dns.flags
import dns.message
import dns.rrset
import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from coinquery.dns.world import World
from coinquery.local.certificates import Authority, ServerCertificate
from tests import outside

NAME, ADDRESS = "eth.example.com", "127.0.0.1"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 3.0


def _http(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


INFO = _http(b'{"status":"1","result":{"commitHash":"%s","stack":"cq-eth-0001-prod"}}' % COMMIT.encode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> ServerCertificate:
    return authority.issue([NAME])


def _world(authority: Authority, port: int = 443) -> World:
    return World(port, str(authority.bundle), dns_timeout=SECONDS, http_timeout=SECONDS)


def test_info_tells_commit_stack_and_the_end_of_the_certificate(
    authority: Authority, certificate: ServerCertificate
) -> None:
    with outside.https(certificate, lambda: [INFO]) as (port, heads):
        info = _world(authority, port).info(NAME, ADDRESS)
        assert _world(authority, port).health(NAME, ADDRESS).problem == ""
    assert (info.commit, info.stack, info.problem) == (COMMIT, "cq-eth-0001-prod", "")
    assert info.certificate_end == x509.load_pem_x509_certificate(certificate.certificate).not_valid_after_utc
    assert info.certificate_end > datetime.now(UTC)
    assert [head.split(b"\r\n")[:2] for head in heads] == [
        [b"GET /info HTTP/1.1", f"Host: {NAME}:{port}".encode()],
        [b"GET /health HTTP/1.1", f"Host: {NAME}:{port}".encode()],
    ]


def _drip(text: bytes) -> Iterator[bytes | float]:
    for byte in text:
        yield bytes([byte])
        yield 0.3


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HOSTILE: dict[str, tuple[Callable[[], outside.Pieces], str]] = {
    "a redirect is not followed": (
        lambda: [_http(b"", "302 Found", "Location: http://169.254.169.254/latest/meta-data/\r\n")],
        "HTTP 302",
    ),
    "an endless body": (lambda: repeat(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 4096), "longer than 65536 bytes"),
    "an endless chunk": (
        lambda: iter([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", b"x" * 200_000]),
        "longer than 65536 bytes",
    ),
    "a dripping head": (lambda: _drip(INFO), f"no whole answer within {SECONDS:g} s"),
    "a dripping body": (lambda: iter([INFO[:40], *_drip(INFO[40:])]), f"no whole answer within {SECONDS:g} s"),
    "endless headers": (lambda: iter([b"HTTP/1.1 200 OK\r\n", *repeat(b"a: b\r\n", 10_000)]), "no whole HTTP"),
    "an endless header": (lambda: iter([b"HTTP/1.1 200 OK\r\na: ", b"b" * 200_000]), "no whole HTTP"),
    "endless continues": (lambda: repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), "longer than 65536 bytes"),
    "a chunk of less than nothing": (lambda: [CHUNKED, b"-5\r\n", b"x" * 100], "no whole HTTP"),
    "a chunk without end": (lambda: iter([CHUNKED, b"-1\r\n", *repeat(b"x" * 65536, 50)]), "longer than 65536 bytes"),
    "silence": (lambda: iter([30.0]), f"no whole answer within {SECONDS:g} s"),
    "a connection that closes": (lambda: [], "no whole HTTP"),
    "a body cut short": (lambda: [INFO[:-10]], "broke within its answer"),
    "a length without sense": (lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"], "no commitHash"),
    "no HTTP": (lambda: [b"SSH-2.0-OpenSSH_9.6\r\n"], "no whole HTTP"),
    "an error page": (lambda: [_http(b"<html>", "500 Internal Server Error")], "HTTP 500"),
    "no JSON": (lambda: [_http(b"<html>")], "no commitHash"),
    "deep nesting": (lambda: [_http(b"[" * 60_000)], "no commitHash"),
    "a list": (lambda: [_http(b'{"result": ["commitHash"]}')], "no commitHash"),
    "a commit that is null": (lambda: [_http(b'{"result": {"commitHash": null}}')], "commitHash is null"),
    "a commit that is a number": (lambda: [_http(b'{"result": {"commitHash": 1e400}}')], "commitHash is float"),
}


@pytest.mark.parametrize(("pieces", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_is_a_problem_in_time(
    authority: Authority, certificate: ServerCertificate, pieces: Callable[[], outside.Pieces], problem: str
) -> None:
    with outside.https(certificate, pieces) as (port, heads):
        info = _world(authority, port).info(NAME, ADDRESS)
    assert info.commit is None
    assert problem in info.problem
    assert len(heads) == 1


def test_health_is_200_and_nothing_else(authority: Authority, certificate: ServerCertificate) -> None:
    with outside.https(certificate, lambda: [_http(b"not in step", "503 Service Unavailable")]) as (port, _):
        assert _world(authority, port).health(NAME, ADDRESS).problem == "HTTP 503"


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with outside.https(authority.issue(["btc.example.com"]), lambda: [INFO]) as (port, heads):
        info = _world(authority, port).info(NAME, ADDRESS)
    assert "its certificate is refused: Hostname mismatch" in info.problem
    assert info.certificate_end is None
    assert heads in ([], [b""]), "nothing was asked over that connection"


def test_a_certificate_of_another_authority_is_refused(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Authority(tmp_path_factory.mktemp("other")).issue([NAME])
    with outside.https(other, lambda: [INFO]) as (port, _):
        assert "its certificate is refused" in _world(authority, port).info(NAME, ADDRESS).problem


def test_no_tls_is_a_problem(authority: Authority) -> None:
    with outside.https(None, lambda: [INFO]) as (port, _):
        assert "no TLS: WRONG_VERSION_NUMBER" in _world(authority, port).info(NAME, ADDRESS).problem


def test_nobody_there_is_a_problem(authority: Authority) -> None:
    with outside.https(None, lambda: []) as (port, _):
        pass
    assert _world(authority, port).info(NAME, ADDRESS).problem == "Connection refused"


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300) | st.from_regex(rb'\A\{"result": ?\{"commitHash": ?[^,]{0,80}\}\}\Z'))
def test_whatever_the_body_is_it_is_a_commit_or_a_problem(
    authority: Authority, certificate: ServerCertificate, body: bytes
) -> None:
    with outside.https(certificate, lambda: [_http(body)]) as (port, _):
        info = _world(authority, port).info(NAME, ADDRESS)
    assert (info.commit is None) == bool(info.problem)
    assert len(info.problem) < 100
    if info.commit is not None:
        assert info.commit.isprintable(), "it may stand in a message"


@settings(max_examples=60, deadline=None)
@given(head=st.binary(max_size=200))
def test_whatever_the_head_is_nothing_is_raised(
    authority: Authority, certificate: ServerCertificate, head: bytes
) -> None:
    with outside.https(certificate, lambda: [b"HTTP/1.1 200 OK\r\n" + head]) as (port, _):
        assert _world(authority, port).info(NAME, ADDRESS).problem


def test_all_servers_are_asked_at_the_same_time(authority: Authority) -> None:
    """Each answers only once both were asked."""
    both = threading.Barrier(2, timeout=SECONDS)

    def reply(query: bytes) -> bytes:
        both.wait()
        return outside.says("192.0.2.2", "192.0.2.1")(query)

    with outside.name_server(reply) as one, outside.name_server(reply) as other:
        answers = _world(authority).ask([one, other], NAME)
    assert [(a.server, a.addresses, a.ttl) for a in answers] == [
        (server, ("192.0.2.1", "192.0.2.2"), 60) for server in (one, other)
    ]


def test_a_server_without_an_address_of_its_own_was_not_reached(authority: Authority) -> None:
    (answer,) = _world(authority).ask(["no such name.invalid"], NAME)
    assert (answer.problem, answer.reached) == ("its own name has no address", False)


def test_a_server_without_the_name_was_reached(authority: Authority) -> None:
    with outside.name_server(outside.says()) as server:
        (answer,) = _world(authority).ask([server], NAME)
    assert (answer.problem, answer.reached) == ("no address (NOERROR)", True)


def test_an_answer_without_authority_is_a_problem_of_its_server(authority: Authority) -> None:
    """A network that takes over port 53 answers from a cache, which may be as old as a TTL."""
    with outside.name_server(outside.says(ADDRESS, flags=dns.flags.RA)) as cache:
        (answer,) = _world(authority).ask([cache], NAME)
    assert (answer.addresses, answer.problem) == ((ADDRESS,), "answers, but not with authority")
    with outside.name_server(outside.says(ADDRESS)) as server:
        (answer,) = _world(authority).ask([server], NAME)
    assert (answer.addresses, answer.problem) == ((ADDRESS,), "")


def test_a_server_that_is_not_there_was_not_reached(authority: Authority) -> None:
    with outside.name_server(outside.says()) as server:
        pass
    (answer,) = _world(authority).ask([server], NAME)
    assert (bool(answer.problem), answer.reached) == (True, False)


def test_of_very_many_addresses_a_few_are_believed(authority: Authority) -> None:
    with outside.name_server(outside.says(*(f"192.0.2.{n}" for n in range(1, 25)))) as server:
        (answer,) = _world(authority).ask([server], NAME)
    assert 8 <= len(answer.addresses) <= 16


@settings(max_examples=40, deadline=None)
@given(garbage=st.binary(max_size=80), header=st.booleans())
def test_whatever_a_name_server_sends_nothing_is_raised(authority: Authority, garbage: bytes, header: bool) -> None:
    def reply(query: bytes) -> bytes:
        return (query[:2] + b"\x84\x00" + garbage) if header else garbage

    with outside.name_server(reply) as server:
        (answer,) = World(443, "", dns_timeout=0.1).ask([server], NAME)
    assert answer.problem
    assert answer.addresses == ()


def _chaos(query: bytes) -> bytes:
    """An A record of class CH, which has no internet address."""
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    answer.answer = [dns.rrset.from_text(asked.question[0].name, 60, "CH", "A", "elsewhere.test. 0377")]
    return answer.to_wire()


def test_an_address_of_another_class_is_none(authority: Authority) -> None:
    with outside.name_server(_chaos) as server:
        (answer,) = _world(authority).ask([server], NAME)
    assert answer.problem == "no address (NOERROR)"
