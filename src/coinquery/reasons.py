"""A reason that a person gives for what they do: one line of text, kept in the journal and told to the team."""

from __future__ import annotations

import unicodedata

from coinquery.errors import WrongUse

#: How long a reason may be, in characters.
LONGEST = 500

#: Kinds of characters that change how others are shown: controls, marks of direction, halves, ends of lines.
_UNFIT = ("Cc", "Cf", "Cs", "Zl", "Zp")


def check(text: str, option: str) -> str:
    """The reason without blanks around it; raise WrongUse where it says nothing, is too long or can't be shown.

    ``option`` is where it was given.
    """
    reason = text.strip()
    if not reason:
        raise WrongUse(f"{option}: the reason is empty", "Say why, for those who read it later.")
    if len(reason) > LONGEST:
        raise WrongUse(
            f"{option}: the reason has {len(reason)} characters, the limit is {LONGEST}", "Say it in fewer words."
        )
    unfit = next((character for character in reason if unicodedata.category(character) in _UNFIT), None)
    if unfit is not None:
        what = f"{option}: the reason has the character U+{ord(unfit):04X}, which is no text"
        raise WrongUse(what, "Say it in one line of plain text.")
    return reason
