"""Lines read whole, as joined writing must be: crop → strip → frames → characters → words in the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.ctc import Span
from unscrawl.language import Language, decode_in_best
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.page import Box, Glyph, Line, Word
from unscrawl.strip import prepare

if TYPE_CHECKING:
    from unscrawl.hand import LineHead
    from unscrawl.image import Picture
    from unscrawl.layout.crops import Crop

__all__ = ["View", "WholeLines", "clearness", "confidence", "line_of", "stands_apart", "view_crop"]
__all__ += ["view_picture"]

_INK: Final = 70  # of 255: fainter pixels do not count when a box is drawn around a character
_FIRST: Final = 0.05  # by how much the first view of a line may be less clear: nothing was taken off it
_CLEAR: Final = 0.6  # how clear a view is, so raised, from which no other is looked at
_APART: Final = (0.75, 1.3)  # pieces of ink a character in a line whose characters may stand apart
_PIECE: Final = (6, 12)  # rows and pixels of a strip that a piece has at least; dots are none
_EARLY: Final = 0.7  # frames by which a character is told of before it stands there, on generated pages
_SIDE: Final = 16  # columns beyond its frames that a character at the end of a word may reach


@dataclass(frozen=True)
class View:
    """A line as the network sees it: `image` uint8 [40, W]; `box` takes (x, y, w, h) of it to the picture."""

    image: NDArray[np.uint8]
    box: Callable[[float, float, float, float], Box]


class WholeLines:
    """Reads lines whole: the surest of several views of each, in the language of the page.

    Args:
        recogniser: turns strips into frames.
        languages: those to choose among, by name.
        weight: of the language beside the ink, 0 for none.
    """

    def __init__(
        self, recogniser: LineRecogniser, languages: Mapping[str, Language], weight: float = 1.0
    ) -> None:
        self.recogniser, self.languages, self.weight = recogniser, languages, weight

    def read(
        self, views: Sequence[Iterable[View]], taught: LineHead | None = None
    ) -> tuple[list[tuple[Line | None, float]], str]:
        """Return each line with its confidence, and the name of the language that the page is taken to be in.

        Args:
            views: of each line, one at least, the least changed first; one is asked for only where those
                before it are not clear.
            taught: what a hand puts in place of the recogniser's own.
        """
        best = self._clearest(views, taught)
        name, spans = decode_in_best(self.languages, [seen.log_p for seen in best], weight=self.weight)
        made = [
            (line_of(seen.view, found, self.recogniser.stride), confidence(found))
            for seen, found in zip(best, spans, strict=True)
        ]
        return made, name

    def _clearest(self, views: Sequence[Iterable[View]], taught: LineHead | None) -> list[_Seen]:
        """Look at the views of all lines, first at the first of each; return the clearest of each line."""
        head = taught.on(self.recogniser.head) if taught else None
        biases = taught.biases if taught else None
        further = [iter(of_line) for of_line in views]
        asked, best = [(i, next(of_line)) for i, of_line in enumerate(further)], dict[int, _Seen]()
        while asked:
            features = self.recogniser.features([view.image for _, view in asked], biases)
            for (i, view), rows in zip(asked, features, strict=True):
                log_p = self.recogniser.log_probabilities(rows, head)
                seen = _Seen(view, log_p, _clear(log_p) + (0 if i in best else _FIRST))
                best[i] = max(best.get(i, seen), seen, key=lambda s: s.clear)
            unclear = [
                (i, next(of_line, None)) for i, of_line in enumerate(further) if best[i].clear < _CLEAR
            ]
            asked = [(i, view) for i, view in unclear if view is not None]
        return [best[i] for i in range(len(best))]


@dataclass(frozen=True)
class _Seen:
    """A view and what the network says of it; how clear that is decides between the views of a line."""

    view: View
    log_p: NDArray[np.float32]
    clear: float


def view_crop(crop: Crop) -> View:
    """Prepare a line that was found on a page."""
    strip = prepare(crop.grey)
    (sx, _, tx), (_, sy, ty) = strip.to_crop

    def box(x: float, y: float, w: float, h: float) -> Box:
        return _seen(crop.box(x * sx + tx, y * sy + ty, w * sx, h * sy), crop.size)

    return View(strip.image, box)


def view_picture(picture: Picture) -> View:
    """Prepare a picture that shows one line and nothing else, as it is."""
    strip = prepare(np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8))
    (sx, _, tx), (_, sy, ty) = strip.to_crop
    high, wide = picture.rgb.shape[:2]

    def box(x: float, y: float, w: float, h: float) -> Box:
        left, right = (round(v * sx + tx) for v in (np.floor(x), np.ceil(x + w)))
        top, bottom = (round(v * sy + ty) for v in (np.floor(y), np.ceil(y + h)))
        return _seen(Box(left, top, right - left, bottom - top), (wide, high))

    return View(strip.image, box)


def _seen(box: Box, size: tuple[int, int]) -> Box:
    """Return what of a box lies in a picture of `size` (width, height), one pixel at least."""
    (x, y, w, h), (wide, high) = box, size
    left, top = min(max(x, 0), wide - 1), min(max(y, 0), high - 1)
    return Box(left, top, max(min(x + w, wide) - left, 1), max(min(y + h, high) - top, 1))


def line_of(view: View, spans: Sequence[Span], stride: float) -> Line | None:
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


def stands_apart(view: View, read: Line | None) -> bool:
    """Tell whether a line shows about as many separate pieces of ink as characters were read.

    Only then can it be worth while to read it character by character. Of writing of which nothing could be
    read, nothing can be said: it may stand apart.
    """
    count = len("".join(word.text for word in read.words)) if read else 0
    ink = (view.image > _INK).astype(np.uint8)
    parts = cv2.connectedComponentsWithStats(ink)[2][1:]  # the paper is the first
    high, large = (parts[:, column] for column in (cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    pieces = int(((high >= _PIECE[0]) & (large >= _PIECE[1])).sum())
    return count == 0 or _APART[0] * count <= pieces <= _APART[1] * count


def confidence(spans: Sequence[Span]) -> float:
    """Return the mean probability of the characters of a line, spaces too; 0 without any."""
    return float(np.mean([np.exp(s.log_p) for s in spans])) if spans else 0.0


def clearness(recogniser: LineRecogniser, strips: Sequence[NDArray[np.uint8]]) -> float:
    """Return how clear strips [40, W] are to the network, 0 to 1: the mean over their columns."""
    clear = [_clear(recogniser.log_probabilities(rows)) for rows in recogniser.features(strips)]
    return float(np.average(clear, weights=[strip.shape[1] for strip in strips]))


def _clear(log_p: NDArray[np.float32]) -> float:
    """Return how probable the best class is over the frames that hold a character, 0 where none does."""
    best = log_p.argmax(axis=1)
    return float(np.exp(log_p.max(axis=1)[best > 0]).mean()) if best.any() else 0.0


def _edge(spans: Sequence[Span], i: int, stride: float, wide: int) -> float:
    """Return the column between characters i - 1 and i."""

    def column(frame: float) -> float:
        return stride * (frame + _EARLY)

    before = spans[i - 1] if i > 0 else None
    after = spans[i] if i < len(spans) else None
    if before is None or before.char == " ":
        assert after is not None
        start = column(after.start) - _SIDE
        return max(start, column(before.stop) if before else 0)
    if after is None or after.char == " ":
        stop = column(before.stop) + _SIDE
        return min(stop, column(after.start) if after else wide)
    return column((before.stop + after.start) / 2)


def _around_ink(view: View, left: float, right: float) -> Box:
    """Return the box, in the picture, of the ink in columns [left, right) of the strip."""
    x0 = int(np.clip(left, 0, view.image.shape[1] - 1))
    x1 = int(np.clip(np.ceil(right), x0 + 1, view.image.shape[1]))
    ink = view.image[:, x0:x1] > _INK
    ys, xs = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(ys):
        return view.box(x0, 0, x1 - x0, view.image.shape[0])
    return view.box(x0 + int(xs[0]), int(ys[0]), int(xs[-1] - xs[0] + 1), int(ys[-1] - ys[0] + 1))
