"""The alphabets: which characters the networks know, in which order."""

from __future__ import annotations

from typing import Final

__all__ = ["ALPHABET", "DIGITS", "LETTERS", "LINE", "LOWER", "MARKS", "UPPER", "select"]

DIGITS: Final = "0123456789"
UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
MARKS: Final = ".,;:!?'\"-()&/+=%@#*£$€"
LETTERS: Final = UPPER + LOWER
ALPHABET: Final = DIGITS + LETTERS + MARKS
"""84 characters; a character's place here is its class index in the shipped network."""
LINE: Final = " " + ALPHABET + "—°«»" + "àâäáçéèêëîïíôöóùûüúñœæ" + "ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŒÆ"
"""128 characters of the line recogniser; class 0 of its network is the blank, so each is one further on."""

_SETS: Final = {"digits": DIGITS, "letters": LETTERS, "all": ALPHABET}


def select(name: str) -> str:
    """Return the characters of the set called `name`: "digits", "letters" or "all".

    Raises:
        OptionError: no such set.
    """
    from unscrawl.errors import OptionError

    try:
        return _SETS[name]
    except KeyError:
        raise OptionError(f"unknown alphabet {name!r}: choose one of {', '.join(_SETS)}") from None
