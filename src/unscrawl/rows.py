"""Rows of a taught alphabet: the lattice of a line read with a hand's own symbols, without any language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.hand import GlyphHead
from unscrawl.lattice import CUTS
from unscrawl.page import Box, Glyph, Line, Word
from unscrawl.recogniser import JUNK
from unscrawl.seen import Lattice, Seen

__all__ = ["read_rows"]

_TOP: Final = 5  # alternatives given at least, where there are as many symbols

Floats = NDArray[np.float32]


def read_rows(seen: Seen, head: GlyphHead) -> list[Line]:
    """Read a picture of symbols that `head` was taught.

    A glyph's text is the user's label, which may be longer than one character.
    """
    lattices = seen.lattices(range(len(seen.lines)))
    return [_read(lattice, head) for lattice in lattices if lattice.spans]


def _read(lattice: Lattice, head: GlyphHead) -> Line:
    log_p = head.log_probabilities(lattice.logits, lattice.pictures)[:, [c != JUNK for c in head.classes]]
    words: list[list[Glyph]] = []
    for e in _best_path(lattice, log_p.max(axis=1)):
        if not words or lattice.breaks[lattice.spans[e][0]] > 0.5:
            words.append([])
        words[-1].append(_glyph(head.classes, log_p[e], lattice.boxes[e]))
    return Line.of(map(Word.of, words))


def _best_path(lattice: Lattice, score: Floats) -> list[int]:
    """Return the hypotheses of the most probable way through the pieces (Viterbi)."""
    pieces = len(lattice.breaks)
    best = np.full(pieces + 1, -np.inf)
    best[0] = 0.0
    came = np.full(pieces + 1, -1)
    for e, (start, stop) in enumerate(lattice.spans):  # sorted by start, so best[start] is final
        value = best[start] + score[e] + CUTS * lattice.priors[e]
        if value > best[stop]:
            best[stop], came[stop] = value, e
    path, at = [], pieces
    while at:
        path.append(int(came[at]))
        at = lattice.spans[path[-1]][0]
    return path[::-1]


def _glyph(classes: Sequence[str], log_p: Floats, box: Box) -> Glyph:
    p = np.exp(log_p - np.logaddexp.reduce(log_p))
    order = np.argsort(-p, kind="stable")[:_TOP]
    ranked = tuple((classes[i], float(p[i])) for i in order)
    return Glyph.of(ranked[0][0], ranked, box)
