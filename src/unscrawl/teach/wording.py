"""Texts as people type them → the line recogniser's classes, and the writer's words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from unscrawl.alphabet import LINE
from unscrawl.spelling import clean

__all__ = ["classes", "spell", "words_of"]

_WORD: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")


def spell(text: str) -> tuple[str, str]:
    """Return `text` in the line alphabet, and the characters of it that have no place there.

    Typographic marks become the plain ones, an accent that the alphabet lacks is dropped.
    """
    spelled = clean(text)
    if spelled is not None:
        return spelled, ""
    return "", "".join(dict.fromkeys(c for c in text if clean(c) is None))


def classes(text: str) -> tuple[int, ...]:
    """Return the classes of a text in the line alphabet; class 0, the blank, is none of them."""
    return tuple(LINE.index(c) + 1 for c in text)


def words_of(texts: Iterable[str]) -> dict[str, float]:
    """Count the words of transcribed lines, as they are written."""
    counts = Counter(word for text in texts for word in _WORD.findall(text))
    return {word: float(n) for word, n in counts.items()}
