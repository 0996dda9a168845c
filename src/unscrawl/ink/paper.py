"""How bright the bare paper is at each place of a picture, under the writing too."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "brightness"]

SIDE: Final = 600
"""Pixels of the longer side of a picture in which paper is looked at."""
_WIDE: Final = 0.7  # of the shorter side, at most 60 px of it: what is no wider is no paper but on it
_FINE: Final = 13  # px: the same in shade; strokes are narrower
_BROAD: Final = 9  # px: narrower than that is a stroke
_SHADE: Final = 0.12  # of the light that is missing in shade, at least
_LARGE: Final = 0.002  # of the picture that a shade takes, at least
_INK: Final = 0.2  # of the light in a shade that ink takes away, at least
_WRITTEN: Final = 0.02  # of a shade that is ink
_ALONG: Final = 0.25  # of a shade's outline that may lie on the border: a strip of the desk does all along
_BEYOND: Final = 13  # px: so far the light is half taken about a shade

_Plane = NDArray[np.uint8]


def brightness(small: _Plane, page: _Plane | None = None) -> _Plane:
    """Return the grey level of the paper at each pixel, uint8 [h, w].

    A closing fills strokes and keeps slopes and the edges of broad shadows as they are. Shades of fingers, of
    bars before a window and along folds may be as narrow as letters are high: a closing so wide would take
    them for ink. But letters have no darker strokes in them, and shades that matter do: there it is narrower.

    Args:
        small: uint8 [h, w], the picture reduced to `SIDE`, ink darker than paper.
        page: uint8 [h, w], 1 where the sheet is; None where a shade does not matter.
    """
    paper = _closed(small, int(max(7, _WIDE * min(max(min(small.shape), 30), 60))))
    if page is None:
        return paper
    dark = (np.asarray(cv2.subtract(paper, small)) > _SHADE * paper).astype(np.uint8)
    broad = np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, _disc(_BROAD)), np.uint8) * page
    count, labels, stats, _ = cv2.connectedComponentsWithStats(broad)
    fine, inner = _closed(small, _FINE), _eroded(page, 5)
    shade = np.zeros_like(small)
    for i in range(1, count):
        if stats[i, cv2.CC_STAT_AREA] < _LARGE * small.size:
            continue
        own = (np.asarray(labels) == i).astype(np.uint8)
        outline, there = (own - _eroded(own, 3)) > 0, own > 0
        written = float((small[there] < (1 - _INK) * fine[there]).mean())
        if written >= _WRITTEN and float((inner[outline] == 0).mean()) <= _ALONG:
            shade |= own
    near = cv2.dilate(shade, _disc(2 * _BEYOND + 1))
    return np.where(np.asarray(near) > 0, fine, paper)


def _closed(small: _Plane, side: int) -> _Plane:
    kernel = _disc(side | 1)
    return np.asarray(
        cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8
    )


def _eroded(plane: _Plane, side: int) -> _Plane:
    return np.asarray(cv2.erode(plane, np.ones((side, side), np.uint8), borderValue=0), np.uint8)


def _disc(side: int) -> _Plane:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
