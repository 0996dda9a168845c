"""Teaching from writing with its text: lines, and where letters stand apart, characters cut out of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from unscrawl.glyph import prepare
from unscrawl.hand import Character, Hand, Sample
from unscrawl.layout import LineInk
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.recogniser import Recogniser
from unscrawl.teach import Report, teach
from unscrawl.teach.cutting import cut_line
from unscrawl.teach.material import Given, Material

__all__ = ["learn_from"]

_APART: Final = (0.7, 1.3)  # pieces for each character in a line whose letters stand apart


def learn_from(
    hand: str | Hand,
    material: Material,
    *,
    recogniser: LineRecogniser | None,
    glyphs: Recogniser | None,
    own_alphabet: bool = False,
    watch: Callable[[float], None] | None = None,
    thorough: bool = False,
) -> Report:
    """Teach a hand what was gathered (see `material`); arguments and errors are those of `teach`."""
    samples = [Sample(g.part.strip, g.text, g.name) for g in material.lines]
    characters = list(material.characters)
    if glyphs is not None and not own_alphabet:
        characters += [c for g in material.lines for c in _characters(g, glyphs)]
    return teach(
        hand,
        samples,
        characters,
        recogniser=recogniser,
        glyphs=glyphs,
        own_alphabet=own_alphabet,
        left_out=material.left_out,
        watch=watch,
        thorough=thorough,
        others=material.others,
    )


def _characters(given: Given, recogniser: Recogniser) -> list[Character]:
    """Cut the characters out of a line whose letters stand apart; none where its text does not fit."""
    if not _stands_apart(given.part.ink, given.text):
        return []
    cuts = cut_line(recogniser, given.part.ink, given.text)
    return [Character(prepare(c.ink), c.char, given.name) for c in cuts if c.char in recogniser.classes]


def _stands_apart(line: LineInk, text: str) -> bool:
    count = len("".join(text.split()))
    low, high = _APART
    return low * count <= int((line.cuts > 0.9).sum()) <= high * count
