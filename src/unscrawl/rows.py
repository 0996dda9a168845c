"""Rows of a taught alphabet: the lattice of a line read with a hand's own symbols, without any language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.glyph import prepare_all
from unscrawl.hand import GlyphHead
from unscrawl.image import Picture
from unscrawl.ink import Ink, extract
from unscrawl.lattice import CUTS, Hypothesis, hypotheses
from unscrawl.layout import LineInk, find_lines
from unscrawl.page import Glyph, Line, Page, Word
from unscrawl.recogniser import JUNK, Recogniser

__all__ = ["read_rows"]

_TOP: Final = 5  # alternatives given at least, where there are as many symbols

Floats = NDArray[np.float32]


def read_rows(picture: Picture, head: GlyphHead, recogniser: Recogniser, *, layout: str = "page") -> Page:
    """Read a picture of symbols that `head` was taught.

    A glyph's text is the user's label, which may be longer than one character.

    Raises:
        OptionError: no such layout.
    """
    ink = extract(picture, layout=layout)
    lines = [_read(line, ink, head, recogniser) for line in find_lines(ink, layout=layout)]
    return Page(picture.source, tuple(line for line in lines if line.words), picture)


def _read(line: LineInk, ink: Ink, head: GlyphHead, recogniser: Recogniser) -> Line:
    found = hypotheses(line)
    log_p = head.log_probabilities(recogniser.logits(prepare_all([h.ink for h in found])))
    log_p = log_p[:, [c != JUNK for c in head.classes]]
    words: list[list[Glyph]] = []
    for e in _best_path(found, log_p.max(axis=1), len(line.pieces)):
        h = found[e]
        if not words or line.breaks[h.start] > 0.5:
            words.append([])
        words[-1].append(_glyph(head.classes, log_p[e], ink, h))
    return Line.of(map(Word.of, words))


def _best_path(found: Sequence[Hypothesis], score: Floats, pieces: int) -> list[int]:
    """Return the hypotheses of the most probable way through the pieces (Viterbi)."""
    best = np.full(pieces + 1, -np.inf)
    best[0] = 0.0
    came = np.full(pieces + 1, -1)
    for e, h in enumerate(found):  # sorted by start, so best[h.start] is final
        value = best[h.start] + score[e] + CUTS * h.prior
        if value > best[h.stop]:
            best[h.stop], came[h.stop] = value, e
    path, at = [], pieces
    while at:
        path.append(int(came[at]))
        at = found[path[-1]].start
    return path[::-1]


def _glyph(classes: Sequence[str], log_p: Floats, ink: Ink, h: Hypothesis) -> Glyph:
    p = np.exp(log_p - np.logaddexp.reduce(log_p))
    order = np.argsort(-p, kind="stable")[:_TOP]
    ranked = tuple((classes[i], float(p[i])) for i in order)
    return Glyph.of(ranked[0][0], ranked, ink.box(h.x, h.y, h.ink.shape[1], h.ink.shape[0]))
