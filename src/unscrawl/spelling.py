"""Transcriptions, brought into the line alphabet."""

from __future__ import annotations

import unicodedata
from typing import Final

from unscrawl.alphabet import LINE

__all__ = ["clean"]

_FOLD: Final = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "—", "‐": "-", "‑": "-", "¬": "-", "…": "...",
     "º": "°", "\u00a0": " ", "\t": " ", "×": "x", "·": ".", "ß": "ss"}
)  # fmt: skip


def clean(text: str) -> str | None:
    """Return `text` in the line alphabet, white space folded; None where a character has no place there."""
    text = " ".join(unicodedata.normalize("NFC", text).translate(_FOLD).split())
    if all(c in LINE for c in text):
        return text
    plain = (c if c in LINE else unicodedata.normalize("NFD", c)[0] for c in text)
    text = "".join(plain)
    return text if all(c in LINE for c in text) else None
