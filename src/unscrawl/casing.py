"""Does case carry information in this writing, or are capitals strewn about at random?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from unscrawl.alphabet import LOWER, UPPER

__all__ = ["case_is_random"]

_TELLING: Final = frozenset("abdefghijlmnqrtyABDEFGHIJLMNQRTY")  # their two cases differ in more than size
_RANDOM: Final = 0.12  # at random a quarter of neighbours, in text next to none


def case_is_random(words: Iterable[str], fewest: int = 12) -> bool:
    """Tell from words as first read, character by character, whether their case is random.

    Counted are capitals that follow a small letter in a word, among the letters whose case shows in
    their form; one misread is no proof, nor is anything below `fewest` neighbouring pairs.
    """
    odd = pairs = 0
    for word in words:
        telling = [c for c in word if c in _TELLING]
        pairs += max(len(telling) - 1, 0)
        odd += sum(a in LOWER and b in UPPER for a, b in pairwise(telling))
    return pairs >= fewest and odd >= 2 and odd > _RANDOM * pairs
