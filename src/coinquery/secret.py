"""A secret, read from where a reference says that it is kept. Its text goes to who needs it and nowhere else (I14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.aws import explain
from coinquery.errors import ClockWrong, NotPermitted

if TYPE_CHECKING:
    from coinquery.aws import Aws

#: How a reference begins: ``secretsmanager:NAME``, or ``ssm:/NAME`` for a SecureString.
STORES = ("secretsmanager:", "ssm:")


def is_reference(text: str) -> bool:
    """Whether a text names where a secret is kept, as opposed to being something itself."""
    return text.startswith(STORES)


def read(aws: Aws, region: str, reference: str) -> str:
    """The secret's text, ``""`` where it holds none. Asks AWS once; raises what AWS raised."""
    store, _, name = reference.partition(":")
    if store == "ssm":
        parameter = aws.ssm(region).get_parameter(Name=name, WithDecryption=True)
        return parameter["Parameter"]["Value"].strip()
    return aws.secrets(region).get_secret_value(SecretId=name).get("SecretString", "").strip()


def problem(error: Exception) -> str:
    """Why AWS gave no secret: a permission that lacks, a clock, else in a word its code or what was in the way."""
    from botocore.exceptions import ClientError

    known = explain(error)
    if isinstance(known, NotPermitted | ClockWrong):
        return known.what
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
