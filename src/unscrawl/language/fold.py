"""The symbols of the language model, and how the characters of text fold into them.

Case is left to the experts, digits are one symbol, and marks and accents that are too rare to count share
one: 64 symbols would fill a machine word. Which character of a symbol is meant has a probability of its
own, counted when a language file is made.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import DIGITS, LINE, LOWER

__all__ = ["APOSTROPHE", "FOLD", "N_LETTERS", "SYMBOLS", "fold_text", "shares_of"]

SYMBOLS: Final = " " + LOWER + "àâçéèêëîïôùûœ" + "'" + "0" + '.,;:!?"-()&/+=%@#*£°«'
"""63 symbols: space, letters without case, apostrophe, one symbol for all digits, marks."""

APOSTROPHE: Final = SYMBOLS.index("'")
N_LETTERS: Final = APOSTROPHE
"""Symbols 1 … N_LETTERS - 1 are letters."""
_TWINS: Final = {"$": "£", "€": "£", "»": "«", "—": "-", "æ": "a"}


def _symbol(char: str) -> int:
    small = char.lower()
    if char in DIGITS:
        return SYMBOLS.index("0")
    small = _TWINS.get(small, small)
    return SYMBOLS.index(small if small in SYMBOLS else unicodedata.normalize("NFKD", small)[0])


FOLD: Final = np.array([_symbol(c) for c in LINE])
"""[128] the symbol of each character of the line alphabet."""

_TABLE: Final = np.zeros(0x110000, np.uint8)
_TABLE[[ord(c) for c in LINE]] = FOLD


def fold_text(text: str) -> NDArray[np.uint8]:
    """Return the symbols of `text`; what is outside the alphabet becomes space, and spaces become one."""
    symbols = _TABLE[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
    keep = np.ones(len(symbols), bool)
    keep[1:] = (symbols[1:] != 0) | (symbols[:-1] != 0)
    kept: NDArray[np.uint8] = symbols[keep]
    return kept


def shares_of(text: str) -> NDArray[np.float64]:
    """[128] P(character | its symbol and case) in `text`; digits are all alike."""
    small = [LINE.index(c.lower()) if c.lower() in LINE else i for i, c in enumerate(LINE)]
    counts = np.array([text.count(c) for c in LINE], np.float64)
    both = np.bincount(small, counts, minlength=len(LINE))[small] + 0.5
    both[[LINE.index(c) for c in DIGITS]] = 1.0
    one_case = np.bincount(FOLD[np.unique(small)], both[np.unique(small)], minlength=len(SYMBOLS))
    shares: NDArray[np.float64] = both / one_case[FOLD]
    return shares
