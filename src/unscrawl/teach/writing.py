"""The written lines of a picture, ready to be taught: a whole line, or the part of it that a box holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.image import Picture
from unscrawl.ink import extract
from unscrawl.layout import LineInk, find_lines
from unscrawl.layout.crops import Crop, crop_of
from unscrawl.page import Box
from unscrawl.strip import Strip, prepare

__all__ = ["Part", "Writing"]

_WHOLE: Final = 0.9  # of a line's length: a box that holds so much of it means the line
_MARGIN: Final = 0.35  # x-heights of paper left on both sides of a part


@dataclass(frozen=True)
class Part:
    """Writing on one baseline: the line recogniser's picture, uint8 [40, W], and the ink for the lattice."""

    strip: NDArray[np.uint8]
    ink: LineInk


class Writing:
    """The lines found in a picture, in reading order.

    Raises:
        OptionError: no such layout.
    """

    def __init__(self, picture: Picture, layout: str = "page") -> None:
        ink = extract(picture, layout=layout)
        self._ink = ink
        self._lines = find_lines(ink, layout=layout)
        self._crops = [crop_of(ink, line) for line in self._lines]
        self._strips = [prepare(crop.grey) for crop in self._crops]
        self.lines = [Part(s.image, line) for s, line in zip(self._strips, self._lines, strict=True)]

    def at(self, box: Box) -> Part | None:
        """Return the writing of one line that `box` (of the picture) holds; None where there is none."""
        places = [crop.box(0, 0, crop.grey.shape[1], crop.grey.shape[0]) for crop in self._crops]
        shares = [_overlap(place, box) for place in places]
        if not shares or max(shares) <= 0:
            return None
        i = int(np.argmax(shares))
        pieces = self._pieces(self._lines[i], box)
        if not pieces:
            return None
        n = len(self._lines[i].pieces)
        if len(pieces) >= _WHOLE * n:
            return self.lines[i]
        line = self._lines[i]
        first, last = pieces[0], pieces[-1] + 1
        part = replace(
            line, pieces=line.pieces[first:last], cuts=line.cuts[first:last], breaks=line.breaks[first:last]
        )
        left, right = _columns(self._crops[i], self._strips[i], box)
        return Part(np.ascontiguousarray(self._strips[i].image[:, left:right]), part)

    def _pieces(self, line: LineInk, box: Box) -> list[int]:
        """Return the pieces whose middle lies between the sides of `box`."""
        middles = [(p.x + p.ink.shape[1] / 2, p.y + p.ink.shape[0] / 2, 1.0) for p in line.pieces]
        x = self._ink.to_picture[0] @ np.array(middles).T
        return np.flatnonzero((box.x <= x) & (x <= box.x + box.width)).tolist()


def _overlap(place: Box, box: Box) -> float:
    """Area shared by two boxes; that of lines above each other counts by height, however long they are."""
    wide = min(place.x + place.width, box.x + box.width) - max(place.x, box.x)
    high = min(place.y + place.height, box.y + box.height) - max(place.y, box.y)
    middle = abs(place.y + place.height / 2 - box.y - box.height / 2)
    return max(0, wide) * max(0, high) / (1 + middle / max(1, place.height))


def _columns(crop: Crop, strip: Strip, box: Box) -> tuple[int, int]:
    """Return the strip's columns [left, right) that lie between the sides of `box`, and some paper."""
    ends = np.searchsorted(crop.base[:, 0], [box.x, box.x + box.width])
    margin = _MARGIN * crop.x_height
    left, right = (np.array([ends[0] - margin, ends[1] + margin]) / strip.to_crop[0, 0]).tolist()
    return max(0, round(left)), min(strip.image.shape[1], max(round(right), round(left) + 1))
