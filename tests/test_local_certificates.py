"""The local authority's certificates satisfy a strict client, for their own names only."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from coinquery.local.certificates import Authority, ServerCertificate
from coinquery.local.configuration import server_names


def handshake(authority: Authority, certificate: ServerCertificate, name: str, folder: Path) -> None:
    """A TLS handshake in memory, by a client that verifies strictly; raises what the client raises."""
    (folder / "server.pem").write_bytes(certificate.certificate + certificate.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "server.pem")
    asking = ssl.create_default_context(cafile=authority.bundle)
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = asking.wrap_bio(back, there, server_hostname=name), serving.wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.getpeercert()


@pytest.mark.parametrize("name", ["eth.example.com", "ltc.stage.example.com", "eth.internal.example.com"])
def test_the_names_of_every_level_are_covered(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    handshake(authority, authority.issue(server_names()), name, tmp_path)


@pytest.mark.parametrize("name", ["example.com", "a.eth.example.com", "eth.example.org"])
def test_other_names_are_not_covered(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority, authority.issue(server_names()), name, tmp_path)


def test_the_authority_is_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    bundle = Authority(tmp_path).bundle.read_bytes()
    again = Authority(tmp_path)
    handshake(again, again.issue(["eth.example.com"]), "eth.example.com", tmp_path)
    assert again.bundle.read_bytes() == bundle


def test_another_authority_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    mine, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(mine, other.issue(["eth.example.com"]), "eth.example.com", tmp_path)


def test_i14_private_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    assert Authority(tmp_path).bundle.exists()
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
