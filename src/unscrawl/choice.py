"""Which reading of a line to believe: that of the line whole, that of its characters apart, or none."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Final, TypeAlias

from unscrawl.page import Line

__all__ = ["Reading", "is_beyond_doubt", "is_writing", "surer"]

Reading: TypeAlias = "tuple[Line | None, float]"
"""A line and how sure it is, 0 to 1; None where nothing was read."""

_LEAST: Final = 0.35  # confidence of a line of a page below which it is taken for no writing
_SHORT, _LEAST_SHORT = 3, 0.6  # characters of a short one, and the same for it
_ALIKE: Final = 0.55  # likeness of two readings below which that by characters is of joined writing: nonsense
_BEYOND: Final = 0.98  # confidence of a line read whole, a language helping, above which no other is better
_MODEST: Final = 0.12  # by how much readings by characters are surer than they say, beside those of lines,
_MODEST_SPOKEN: Final = 0.01  # and the same where a language had a say in both


def is_writing(line: Line) -> bool:
    """Tell writing from stamps, seals and dirt, of which little can be read, and that unsurely."""
    return line.confidence >= (_LEAST if len(line.text) > _SHORT else _LEAST_SHORT)


def is_beyond_doubt(whole: Reading, *, spoken: bool) -> bool:
    """Tell whether a line was read whole so surely that reading its characters apart would change nothing."""
    return spoken and whole[1] >= _BEYOND


def surer(whole: Reading, apart: Reading | None, *, spoken: bool) -> Line | None:
    """Choose between the reading of a line whole and, if there is one, that of its characters apart.

    The latter is as sure of itself on joined writing, where it is nonsense: it counts only where the two
    agree by and large. `spoken` says that a language had a say in both.
    """
    if apart is None or apart[1] + (_MODEST_SPOKEN if spoken else _MODEST) <= whole[1]:
        return whole[0]
    first, second = (line.text.lower().replace(" ", "") if line else "" for line, _ in (whole, apart))
    alike = SequenceMatcher(None, first, second, autojunk=False).ratio()
    return apart[0] if alike >= _ALIKE or not first else whole[0]
