"""Which reading of a line to believe: that of the line whole, that of its characters apart, or none."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, TypeAlias

import numpy as np

from unscrawl.alphabet import ALPHABET
from unscrawl.page import Box, Glyph, Line, Word

__all__ = ["Reading", "is_beyond_doubt", "is_writing", "surer"]

Reading: TypeAlias = "tuple[Line | None, float]"
"""A line and how sure it is, 0 to 1; None where nothing was read."""

_LEAST: Final = 0.35  # confidence of a line of a page below which it is taken for no writing
_SHORT, _LEAST_SHORT = 3, 0.6  # characters of a short one, and the same for it
_STROKES: Final = frozenset(" -—=.,:;'\"°/")
_ALIKE: Final = 0.55  # likeness of two readings below which that by characters is of joined writing: nonsense
_BEYOND: Final = 0.9  # confidence of every character, a language helping, from which no other reading is made
_MODEST: Final = 0.12  # by how much readings by characters are surer than they say, beside those of lines,
_MODEST_SPOKEN: Final = 0.01  # and the same where a language had a say in both
_SWAY: Final = 3.0  # share of the say in a character that a reading has for each 1 by which it is the surer
_UNNAMED: Final = 1e-3  # probability of a character that a reading does not name
_OVERLAP: Final = 0.3  # share of the smaller of two boxes that both have where they hold one character


def is_writing(line: Line) -> bool:
    """Tell writing from stamps, seals and dirt, of which little can be read, and that unsurely.

    Nobody writes a line of nothing but strokes and dots: they are what is left of rules and folds.
    """
    if _STROKES.issuperset(line.text):
        return False
    return line.confidence >= (_LEAST if len(line.text) > _SHORT else _LEAST_SHORT)


def is_beyond_doubt(whole: Reading, *, spoken: bool) -> bool:
    """Tell whether each character was read so surely that reading them apart would change nothing."""
    return spoken and whole[0] is not None and all(g.confidence >= _BEYOND for g in _glyphs(whole[0]))


def surer(whole: Reading, apart: Reading | None, *, spoken: bool) -> Line | None:
    """Choose between the reading of a line whole and, if there is one, that of its characters apart.

    The latter is as sure of itself on joined writing, where it is nonsense: it counts only where the two
    agree by and large. Then the surer one is kept, and where the other one sees a character in the same
    place, both have their say in what it is. Where only the latter sees any, it is half as sure of itself.
    `spoken` says that a language had a say in both.
    """
    first, second = whole[0], apart[0] if apart else None
    if apart is None or second is None:
        return first
    if first is None:
        return _replaced(second, {i: _halved(glyph) for i, glyph in enumerate(_glyphs(second))})
    matcher = SequenceMatcher(None, _letters(first), _letters(second), autojunk=False)
    if matcher.ratio() < _ALIKE:
        return first
    ahead = apart[1] + (_MODEST_SPOKEN if spoken else _MODEST) - whole[1]
    share = float(np.clip(0.5 + _SWAY * ahead, 0, 1))
    one, other = list(_glyphs(first)), list(_glyphs(second))
    pairs = [(i, j) for i, j in _aligned(matcher) if _same_place(one[i].box, other[j].box)]
    if ahead > 0:
        return _replaced(second, {j: _pooled(one[i], other[j], share, other[j].box) for i, j in pairs})
    return _replaced(first, {i: _pooled(one[i], other[j], share, one[i].box) for i, j in pairs})


def _glyphs(line: Line) -> Iterator[Glyph]:
    return (glyph for word in line.words for glyph in word.glyphs)


def _letters(line: Line) -> list[str]:
    return [glyph.text.lower() for glyph in _glyphs(line)]


def _aligned(matcher: SequenceMatcher[str]) -> Iterator[tuple[int, int]]:
    """Yield which characters of two readings stand against each other."""
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        if i_end - i == j_end - j:
            yield from zip(range(i, i_end), range(j, j_end), strict=True)


def _same_place(a: Box, b: Box) -> bool:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return max(wide, 0) * max(high, 0) >= _OVERLAP * min(a.width * a.height, b.width * b.height)


def _pooled(whole: Glyph, apart: Glyph, share: float, box: Box) -> Glyph:
    """Weigh what two readings take a character for: the geometric mean of their probabilities.

    Such a pool is the one that does not care whether evidence comes before or after pooling (Genest and
    Zidek 1986, "Combining probability distributions"). `share` is that of the reading apart, which knows no
    accents: a letter with one stays.
    """
    if whole.text not in ALPHABET:
        return Glyph(whole.text, whole.confidence, box, whole.alternatives)
    seen, drawn = ({g.text: g.confidence, **dict(g.alternatives)} for g in (whole, apart))
    chars = [c for c in {**seen, **drawn} if c != " "]
    logs = [np.log([max(given.get(c, 0.0), _UNNAMED) for c in chars]) for given in (seen, drawn)]
    p = np.exp((1 - share) * logs[0] + share * logs[1])
    ranked = sorted(zip(chars, (p / p.sum()).tolist(), strict=True), key=lambda one: -one[1])
    return Glyph.of(ranked[0][0], tuple(ranked), box)


def _halved(glyph: Glyph) -> Glyph:
    others = tuple((char, p / 2) for char, p in glyph.alternatives)
    return Glyph(glyph.text, glyph.confidence / 2, glyph.box, others)


def _replaced(line: Line, glyphs: dict[int, Glyph]) -> Line:
    """Return a line with some of its characters, by number, replaced."""
    numbers = iter(range(sum(len(word.glyphs) for word in line.words)))
    return Line.of(Word.of(glyphs.get(next(numbers), g) for g in word.glyphs) for word in line.words)
