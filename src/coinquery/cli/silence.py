"""What a command that looks says of regions that did not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinquery.errors import CoinQueryError


def told(silent: Mapping[str, CoinQueryError]) -> dict[str, str]:
    """Why each region did not answer, for a JSON document."""
    return {region: error.what for region, error in silent.items()}


def refuse_silence(silent: Mapping[str, CoinQueryError]) -> None:
    """After what is known was shown: raise that it is not all, of the kind of the first region's error."""
    for region, error in silent.items():
        others = f", as are {', '.join(other for other in silent if other != region)}" if len(silent) > 1 else ""
        raise type(error)(f"{region} is not shown{others}: {error.what}", error.remedy)
