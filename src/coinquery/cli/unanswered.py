"""What a command that looks says of regions that did not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.errors import CoinQueryError


def told(unanswered: Mapping[str, CoinQueryError]) -> dict[str, str]:
    """Why each region did not answer, for a JSON document."""
    return {region: error.what for region, error in unanswered.items()}


def refuse_incomplete(unanswered: Mapping[str, CoinQueryError]) -> None:
    """After what is known was shown: raise that it is not all, for the reason of the first region."""
    for error in unanswered.values():
        raise type(error)(f"not shown: {', '.join(unanswered)}: {error.what}", error.remedy)
