"""Characters cut out of a line whose text is known, by forced alignment of its lattice.

The path through the lattice of glyph hypotheses that spells the text with the highest probability (Viterbi
1967) says which ink is which character. Only places are kept where the neighbours fit as well, so joined
hands give little, which is right: their characters are no good as characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.glyph import prepare_all
from unscrawl.lattice import Hypothesis, hypotheses
from unscrawl.layout import LineInk
from unscrawl.recogniser import Recogniser

__all__ = ["Cut", "align", "cut_line"]

_NEVER: Final = -1e9
_NEIGHBOUR: Final = np.log(0.3)  # both neighbours must be at least this probable …
_ITSELF: Final = np.log(0.01)  # … then the character itself may be a surprise
_MEAN: Final = -3.5  # mean log probability of a line's characters below which the whole line is left out


@dataclass(frozen=True)
class Cut:
    """One character cut out of a line: `ink` uint8 [h, w], how probable the first classifier held it."""

    char: str
    ink: NDArray[np.uint8]
    log_p: float


def align(
    found: Sequence[Hypothesis], log_p: NDArray[np.float32], pieces: int, text: Sequence[int]
) -> list[int] | None:
    """Return the hypothesis for each character of `text`, or None where no path spells it.

    Args:
        found: the line's hypotheses, sorted by start.
        log_p: [N, 84] of each hypothesis.
        pieces: number of pieces of the line.
        text: class indices without spaces; -1 stands for any ink (an accented letter, say).
    """
    T = len(text)
    index = np.array(text)
    any_ink = np.array([-1.5])
    best = np.full((pieces + 1, T + 1), _NEVER)
    best[0, 0] = 0.0
    came = np.full((pieces + 1, T + 1), -1)
    for e, h in enumerate(found):  # sorted by start, so best[h.start] is final
        emit = np.where(index < 0, any_ink, log_p[e, index])
        value = best[h.start, :-1] + emit + h.prior
        better = value > best[h.stop, 1:]
        best[h.stop, 1:][better] = value[better]
        came[h.stop, 1:][better] = e
    if best[pieces, T] <= _NEVER / 2:
        return None
    path, i = [], pieces
    for t in range(T, 0, -1):
        e = int(came[i, t])
        path.append(e)
        i = found[e].start
    return path[::-1]


def cut_line(
    recogniser: Recogniser, line: LineInk, text: str, *, itself: float = float(_ITSELF)
) -> list[Cut]:
    """Cut the characters of `text` out of one line; empty where it does not fit the ink.

    Those whose log probability is below `itself` are left out, as are those between doubtful neighbours.
    """
    found = hypotheses(line)
    spelled = [c for c in unicodedata.normalize("NFC", text) if not c.isspace()]
    if not found or not spelled or len(spelled) > 2 * len(line.pieces):
        return []
    log_p = recogniser.log_probabilities(prepare_all([h.ink for h in found]))
    places = recogniser.fit_line(log_p, np.array([[h.top, h.bottom] for h in found]))
    log_p = recogniser.with_places(log_p, places)
    path = align(found, log_p, len(line.pieces), [ALPHABET.find(c) for c in spelled])
    if path is None:
        return []
    known = np.array(
        [log_p[e, ALPHABET.find(c)] if c in ALPHABET else -1.5 for e, c in zip(path, spelled, strict=True)]
    )
    if known.mean() < _MEAN:
        return []
    around = np.minimum(np.append(known[1:], 0.0), np.insert(known[:-1], 0, 0.0))
    keep = (around > _NEIGHBOUR) & (known > itself)
    return [
        Cut(c, found[e].ink, float(p))
        for c, e, p, k in zip(spelled, path, known, keep, strict=True)
        if k and c in ALPHABET
    ]
