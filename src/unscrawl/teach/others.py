"""The rest of a letter: lines of the same hand whose text nobody gave.

They are read with what was learnt so far, in their language, and learnt from as they were read (Scudder 1965:
self-training): the language mends much of what the network misreads, and there are more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.hand import Sample
from unscrawl.handfile import coarse
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.teach.lessons import lessons_of
from unscrawl.teach.pupil import Base, Learnt, Lesson, read
from unscrawl.teach.spelt import Spelt
from unscrawl.teach.trial import room

__all__ = ["MOST", "read_others"]

MOST: Final = 30
"""Lines taken at most, spread over those there are."""


def read_others(
    strips: Sequence[NDArray[np.uint8]],
    known: Sequence[tuple[int, ...]],
    recogniser: LineRecogniser,
    base: Base,
    learnt: Learnt | None,
    copies: int,
) -> list[Lesson]:
    """Read strips, uint8 [40, W], and return them as lessons with `copies` of each.

    Args:
        known: texts of the hand, by which the language and the writer's words are known.
        learnt: what was learnt of the hand already.
    """
    chosen = np.unique(np.linspace(0, len(strips) - 1, min(MOST, len(strips))).round().astype(int))
    lines = [Sample(coarse(strips[i]), "", "") for i in chosen.tolist()]
    seen = recogniser.features([line.strip for line in lines])
    log_p = read(lessons_of(lines, seen, base.tail, 0), base, learnt)
    texts = Spelt(known).read(log_p, known)
    fitting = [i for i, text in enumerate(texts) if text and room(text) <= len(log_p[i])]
    spelt = [Sample(lines[i].strip, "".join(LINE[c - 1] for c in texts[i]), "") for i in fitting]
    return lessons_of(spelt, [seen[i] for i in fitting], base.tail, copies)
