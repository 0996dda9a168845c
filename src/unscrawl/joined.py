"""Lines read whole, as joined writing must be: crop → strip → frames → characters → words in the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.ctc import Span
from unscrawl.page import Box, Glyph, Line, Word
from unscrawl.strip import prepare

if TYPE_CHECKING:
    from unscrawl.image import Picture
    from unscrawl.layout.crops import Crop

__all__ = ["View", "confidence", "line_of", "view_crop", "view_picture"]

_INK: Final = 70  # of 255: fainter pixels do not count when a box is drawn around a character
_SIDE: Final = 8  # columns beyond its frames that a character at the end of a word may reach


@dataclass(frozen=True)
class View:
    """A line as the network sees it: `image` uint8 [40, W]; `box` takes (x, y, w, h) of it to the picture."""

    image: NDArray[np.uint8]
    box: Callable[[float, float, float, float], Box]


def view_crop(crop: Crop) -> View:
    """Prepare a line that was found on a page."""
    strip = prepare(crop.grey)
    (sx, _, tx), (_, sy, ty) = strip.to_crop

    def box(x: float, y: float, w: float, h: float) -> Box:
        return crop.box(x * sx + tx, y * sy + ty, w * sx, h * sy)

    return View(strip.image, box)


def view_picture(picture: Picture) -> View:
    """Prepare a picture that shows one line and nothing else, as it is."""
    strip = prepare(np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8))
    (sx, _, tx), (_, sy, ty) = strip.to_crop
    high, wide = picture.rgb.shape[:2]

    def box(x: float, y: float, w: float, h: float) -> Box:
        left, right = (int(np.clip(v * sx + tx, 0, wide)) for v in (np.floor(x), np.ceil(x + w)))
        top, bottom = (int(np.clip(v * sy + ty, 0, high)) for v in (np.floor(y), np.ceil(y + h)))
        return Box(left, top, right - left, bottom - top)

    return View(strip.image, box)


def line_of(view: View, spans: Sequence[Span], stride: int) -> Line | None:
    """Put the characters of a line where they lie in the picture; None where there are none.

    CTC marks each character by a spike: it is taken to reach halfway to its neighbours, at the end of a word
    as far as its ink goes.
    """
    words: list[list[Glyph]] = [[]]
    for i, span in enumerate(spans):
        if span.char == " ":
            words.append([])
            continue
        left = _edge(spans, i, stride, view.image.shape[1])
        right = _edge(spans, i + 1, stride, view.image.shape[1])
        words[-1].append(Glyph.of(span.char, span.alternatives, _around_ink(view, left, right)))
    made = [Word.of(word) for word in words if word]
    return Line.of(made) if made else None


def confidence(spans: Sequence[Span]) -> float:
    """Return the mean probability of the characters of a line, spaces too; 0 without any."""
    return float(np.mean([np.exp(s.log_p) for s in spans])) if spans else 0.0


def _edge(spans: Sequence[Span], i: int, stride: int, wide: int) -> float:
    """Return the column between characters i - 1 and i."""
    before = spans[i - 1] if i > 0 else None
    after = spans[i] if i < len(spans) else None
    if before is None or before.char == " ":
        assert after is not None
        start = stride * after.start - _SIDE
        return max(start, stride * before.stop if before else 0)
    if after is None or after.char == " ":
        stop = stride * before.stop + _SIDE
        return min(stop, stride * after.start if after else wide)
    return stride * (before.stop + after.start) / 2


def _around_ink(view: View, left: float, right: float) -> Box:
    """Return the box, in the picture, of the ink in columns [left, right) of the strip."""
    x0 = int(np.clip(left, 0, view.image.shape[1] - 1))
    x1 = int(np.clip(np.ceil(right), x0 + 1, view.image.shape[1]))
    ink = view.image[:, x0:x1] > _INK
    ys, xs = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(ys):
        return view.box(x0, 0, x1 - x0, view.image.shape[0])
    return view.box(x0 + int(xs[0]), int(ys[0]), int(xs[-1] - xs[0] + 1), int(ys[-1] - ys[0] + 1))
