"""How bright the bare paper is at each place of a picture, under the writing too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "brightness", "tint"]

SIDE: Final = 600
"""Pixels of the longer side of a picture in which paper is looked at."""
_WIDE: Final = 0.7  # of the shorter side, at most 60 px of it: what is no wider is no paper but on it
_INK: Final = 0.2  # of the light in a shade that ink takes away, at least
_WRITTEN: Final = 0.02  # of a shade that is ink
_TINT: Final = 0.05  # difference in a share of red, green or blue; a patterned cloth has more
_ALONG: Final = 0.25  # of a shade's outline that may lie on the border: a strip of the desk does all along

_Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class _Kind:
    """Shades of one kind: lengths in px, light as shares."""

    fine: int  # what is no wider is no paper but on it: strokes are narrower
    broad: int  # what is narrower is a stroke
    faintest: float  # light that is missing, at least
    deepest: float  # the same at most, for half of the shade
    large: float  # share of the picture that it takes, at least
    long: float  # share of the picture's longer side that it reaches over, at least


_KINDS: Final = (
    _Kind(fine=13, broad=9, faintest=0.12, deepest=1.0, large=0.002, long=0.0),  # of fingers and bars
    _Kind(fine=7, broad=5, faintest=0.07, deepest=0.4, large=0.001, long=0.25),  # along folds
)


def brightness(small: _Plane, colour: _Plane | None = None, page: _Plane | None = None) -> _Plane:
    """Return the grey level of the paper at each pixel, uint8 [h, w].

    A closing fills strokes and keeps slopes and the edges of broad shadows as they are. Shades of fingers, of
    bars before a window and along folds may be as narrow as letters are high: a closing so wide would take
    them for ink. But letters have no darker strokes in them, and shades that matter do: there it is narrower.

    Args:
        small: uint8 [h, w], the picture reduced to `SIDE`, ink darker than paper.
        colour: uint8 [h, w, 3], the same in colour; None where shades do not matter.
        page: uint8 [h, w], 1 where the sheet is; None for everywhere.
    """
    paper = _closed(small, int(max(7, _WIDE * min(max(min(small.shape), 30), 60))))
    if colour is not None:
        page = np.ones_like(small) if page is None else page
        for kind in _KINDS:
            fine = _closed(small, kind.fine)
            near = cv2.dilate(_shades(small, colour, paper, fine, page, kind), _disc(2 * kind.fine + 1))
            paper = np.where(np.asarray(near) > 0, fine, paper)
    return paper


def _shades(small: _Plane, colour: _Plane, paper: _Plane, fine: _Plane, page: _Plane, kind: _Kind) -> _Plane:
    """Return uint8 [h, w], 1 in shades that are written in."""
    lacking = np.asarray(cv2.subtract(paper, small)) / np.maximum(paper, 1)
    broad = np.asarray(
        cv2.morphologyEx((lacking > kind.faintest).astype(np.uint8), cv2.MORPH_OPEN, _disc(kind.broad)),
        np.uint8,
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(broad * page)
    inner, found = _eroded(page, 5), np.zeros_like(small)
    for i in range(1, count):
        wide, high, area = stats[i, cv2.CC_STAT_WIDTH : cv2.CC_STAT_AREA + 1]
        if area < kind.large * small.size or np.hypot(wide, high) < kind.long * max(small.shape):
            continue
        own = (np.asarray(labels) == i).astype(np.uint8)
        outline, there = (own - _eroded(own, 3)) > 0, own > 0
        written = small[there] < (1 - _INK) * fine[there]
        along = float((inner[outline] == 0).mean())
        if written.mean() < _WRITTEN or along > _ALONG or np.median(lacking[there]) > kind.deepest:
            continue
        beside = (np.asarray(cv2.dilate(own, _disc(2 * kind.fine + 1))) > 0) & (broad == 0)
        if beside.any() and np.abs(tint(colour[there]) - tint(colour[beside])).max() <= _TINT:
            found |= own
    return found


def tint(pixels: _Plane) -> NDArray[np.float64]:
    """Return the shares of red, green and blue in the mean of pixels [n, 3]."""
    mean = pixels.mean(axis=0)
    return np.asarray(mean / max(float(mean.sum()), 1.0))


def _closed(small: _Plane, side: int) -> _Plane:
    kernel = _disc(side | 1)
    return np.asarray(
        cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8
    )


def _eroded(plane: _Plane, side: int) -> _Plane:
    return np.asarray(cv2.erode(plane, np.ones((side, side), np.uint8), borderValue=0), np.uint8)


def _disc(side: int) -> _Plane:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
