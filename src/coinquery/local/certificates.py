"""Certificates of a local world: one authority, and server certificates kept by the id that ACM gives them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from coinquery.aws import Aws

VALID_DAYS = 30


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate and its private key, in PEM."""

    names: tuple[str, ...]
    certificate: bytes
    key: bytes


class Authority:
    """The certificate authority of one world; its files are in ``folder``, its own certificate is ``ca.pem``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def bundle(self) -> Path:
        """The file to trust, made on first use."""
        self._certificate  # noqa: B018 - makes the file
        return self._folder / "ca.pem"

    def issue(self, names: Sequence[str]) -> ServerCertificate:
        """A server certificate that covers ``names`` and nothing else."""
        from cryptography import x509

        key = _new_key()
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = _builder("CoinQuery local server", self._certificate.subject, key, self._key)
        signed = _sign(builder.add_extension(alternatives, critical=False), self._key)
        return ServerCertificate(tuple(names), _pem(signed), _key_pem(key))

    def install(self, aws: Aws, region: str, certificate: ServerCertificate) -> str:
        """Put a certificate into ACM of a region and keep its files for the load balancer; return its ARN.

        The local ACM does not read the names of an imported certificate, so they are given by a request first.
        """
        acm, (domain, *others) = aws.acm(region), certificate.names
        arn = acm.request_certificate(DomainName=domain, SubjectAlternativeNames=[domain, *others])["CertificateArn"]
        acm.import_certificate(
            CertificateArn=arn,
            Certificate=certificate.certificate,
            PrivateKey=certificate.key,
            CertificateChain=_pem(self._certificate),
        )
        chain, key = files(self._folder, arn)
        chain.write_bytes(certificate.certificate)
        _write_secret(key, certificate.key)
        return arn

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        file = self._folder / "ca.key"
        if not file.exists():
            _write_secret(file, _key_pem(_new_key()))
        key = load_pem_private_key(file.read_bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)  # noqa: S101 - we wrote it
        return key

    @cached_property
    def _certificate(self) -> x509.Certificate:
        from cryptography import x509

        file = self._folder / "ca.pem"
        if not file.exists():
            subject = "CoinQuery local authority"
            builder = _builder(subject, _name(subject), self._key, self._key)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            file.write_bytes(_pem(_sign(builder.add_extension(_signing_only(), critical=True), self._key)))
        return x509.load_pem_x509_certificate(file.read_bytes())


def files(folder: Path, arn: str) -> tuple[Path, Path]:
    """Where the certificate of an ACM ARN and its private key are kept, both in PEM."""
    name = arn.rpartition("/")[2]
    return folder / f"{name}.pem", folder / f"{name}.key"


def _write_secret(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    subject: str, issuer: x509.Name, key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    """A certificate with the key identifiers that strict verifiers ask for (RFC 5280, 4.2.1.1 and 4.2.1.2)."""
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=_name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(hours=1),
        not_valid_after=now + datetime.timedelta(days=VALID_DAYS),
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(authority, critical=False).add_extension(own, critical=False)


def _signing_only() -> x509.KeyUsage:
    from cryptography import x509

    others = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(key_cert_sign=True, **dict.fromkeys(others, False))


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
