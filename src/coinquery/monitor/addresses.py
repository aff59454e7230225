"""Addresses of references that are kept as secrets: read once a sweep, from the home region, and shown to nobody (I14).

An address may carry a key in its path, its query or before its host. Then ``cq.toml`` and the monitor's configuration
hold only where it is kept, as for Slack's webhook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinquery import secret
from coinquery.coins import Reference

if TYPE_CHECKING:
    from coinquery.aws import Aws


class Resolved(Reference, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reference that is kept as ``secret``: ``url`` is its address, or the secret's place where there is a problem.

    ``problem`` says in words why there is no address.
    """

    secret: str
    problem: str = ""

    def __repr__(self) -> str:
        """Without the address."""
        return f"Resolved({self.secret})"


def is_secret(reference: Reference) -> bool:
    """Whether the reference says where its address is kept, not what it is."""
    return secret.is_reference(reference.url)


def read(aws: Aws, region: str, reference: Reference) -> Resolved:
    """The reference with its address; with a problem where that can't be had. Asks AWS once, raises nothing of it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        address = secret.read(aws, region, reference.url)
    except (BotoCoreError, ClientError) as error:
        return without(reference, secret.problem(error))
    if not _is_address(address):
        return without(reference, "what it holds is no http or https address")
    return Resolved(shape=reference.shape, budget=reference.budget, url=address, secret=reference.url)


def without(reference: Reference, why: str) -> Resolved:
    """The reference without an address: it is silent."""
    return Resolved(
        shape=reference.shape,
        budget=reference.budget,
        url=reference.url,
        secret=reference.url,
        problem=f"its address can't be read: {why}",
    )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = text.isascii() and not any(character.isspace() for character in text)
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
