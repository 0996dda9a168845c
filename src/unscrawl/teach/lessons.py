"""Lines as the base sees them, and as the same hand might have written them another time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.distort import distort
from unscrawl.hand import Sample
from unscrawl.teach.pupil import Lesson
from unscrawl.teach.tail import Tail
from unscrawl.teach.trial import room
from unscrawl.teach.wording import classes

__all__ = ["lessons_of"]

_STRENGTH: Final = 0.5  # of the distortion; 1 is made for many hands, and this is one

Strip = NDArray[np.uint8]
Floats = NDArray[np.float32]


def lessons_of(
    lines: Sequence[Sample],
    features: Sequence[Floats],
    tail: Tail | None,
    copies: int,
    frames: Sequence[Floats] | None = None,
) -> list[Lesson]:
    """Put lines together with what the base sees of them; a tail sees distorted copies as well.

    `frames` are those of the lines as `Tail.frames` gives them, where they are known.
    """
    texts = [classes(line.text) for line in lines]
    if tail is None:
        return [Lesson(seen, text) for seen, text in zip(features, texts, strict=True)]
    own = frames if frames is not None else tail.frames([line.strip for line in lines])
    strips = [_copies(line.strip, text, copies, tail) for line, text in zip(lines, texts, strict=True)]
    rest = iter(tail.frames([strip for same in strips for strip in same]))
    return [
        Lesson(seen, text, ((first, len(seen)), *((next(rest), tail.length(s.shape[1])) for s in same)))
        for seen, text, first, same in zip(features, texts, own, strips, strict=True)
    ]


def _copies(strip: Strip, text: tuple[int, ...], count: int, tail: Tail) -> list[Strip]:
    """Distort a line, the same way each time; a copy that is too short for its text is dropped."""
    rng = np.random.default_rng(0)
    made = [distort(strip, (0.0, float(strip.shape[0])), rng, _STRENGTH) for _ in range(count)]
    return [copy for copy in made if room(text) <= tail.length(copy.shape[1])]
