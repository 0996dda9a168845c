"""Ink that is not writing: leftover lines on a page, and the surroundings in a crop of one character."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["one_character", "without_lines"]

_Plane = NDArray[np.uint8]
_LEFT, _TOP, _WIDTH, _HEIGHT, _AREA = range(5)  # columns of OpenCV's component statistics

_LONG: Final = 5.0  # typical heights: no single stroke is a straight line of that length
_THIN: Final = 0.35  # typical heights
_ACROSS: Final = 0.85  # share of a crop's side that a line through it covers
_PART: Final = 0.3  # of the main component's ink: smaller parts must lie above, below or close by


def without_lines(mask: _Plane, height: float) -> _Plane:
    """Return `mask` (uint8 [h, w], 1 where ink) without long thin components: leftover rules, folds, edges.

    Args:
        height: typical height of a piece of ink, px.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wide, high, ink = (stats[:, i].astype(np.float64) for i in (_WIDTH, _HEIGHT, _AREA))
    long = np.maximum(wide, high) > _LONG * height
    if not long.any():
        return mask
    flat = np.minimum(wide, high) < max(_THIN * height, 4)
    single = ink < 1.5 * _stroke(mask) * np.hypot(wide, high)
    lines = long & (flat | single & (np.maximum(wide, high) > 0.25 * max(mask.shape)))
    if not lines.any():
        return mask
    kept: _Plane = mask * (~lines).astype(np.uint8)[labels]
    return kept


def one_character(strength: _Plane, mask: _Plane) -> _Plane:
    """Return the part of `mask` that belongs to the one character of the crop.

    Taken away are lines right across the crop, and neighbours' bits at its border or off to the side. All
    parts of i, j, !, ?, :, ;, =, % and " stay: they stand above, below or close to the largest part, or are
    about as large.

    Args:
        strength: uint8 [h, w], 0 to 255 full ink.
        mask: uint8 [h, w], 1 where ink.
    """
    mask = _without_line_across(strength, mask)
    mask = np.ascontiguousarray(_without_line_across(np.ascontiguousarray(strength.T), mask.T.copy()).T)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return mask
    touched = _touched(labels, count)
    sides = touched > 0
    ink = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=count).astype(np.float64)
    ink[0] = 0
    ink[_along_border(stats, labels)] = 0
    main = _main(ink, touched)
    if sides[main].sum() >= 2:
        return mask  # cut close around the ink: the border says nothing
    kept = [i == main or (ink[i] > 0 and _belongs(stats, ink, sides, labels, main, i)) for i in range(count)]
    character: _Plane = np.array(kept, np.uint8)[labels]
    return character


def _touched(labels: Any, count: int) -> NDArray[np.float64]:
    """Return [count, 4]: which share of the left, right, top and bottom border each component covers."""
    sides = (labels[:, 0], labels[:, -1], labels[0], labels[-1])
    touched = np.stack([np.bincount(side, minlength=count) / len(side) for side in sides], axis=1)
    touched[0] = 0
    return touched


def _main(ink: NDArray[np.float64], touched: NDArray[np.float64]) -> int:
    """Return the component that the character mostly consists of.

    What touches one border, or two that meet, is likely a neighbour's. What covers a whole side is likely the
    edge of something, if there is a fair amount of ink away from all borders.
    """
    sides = touched > 0
    spans = (sides[:, 0] & sides[:, 1]) | (sides[:, 2] & sides[:, 3])
    weight = np.where(sides.any(axis=1) & ~spans, ink / 4, ink)
    inner = np.where(sides.any(axis=1), 0, ink)
    if inner.max() > 0.1 * ink.max():
        weight[(touched >= _ACROSS).any(axis=1)] = 0
    return int(np.argmax(weight))


def _along_border(stats: Any, labels: Any) -> NDArray[np.bool_]:
    """Tell which components are lines from a border on, longer and thinner than all the rest."""
    found = np.zeros(len(stats), bool)
    for start, across in ((_LEFT, _TOP), (_TOP, _LEFT)):
        side, length = labels.shape[1 - start], stats[:, start + 2]
        begins, ends = stats[:, start] <= 0.05 * side, stats[:, start] + length >= 0.95 * side
        lines = (begins | ends) & (length >= 0.7 * side)
        lines &= stats[:, across + 2] < 0.2 * np.minimum(length, labels.shape[1 - across])
        rest = np.flatnonzero(~lines)[1:]
        if lines.any() and len(rest):
            extent = (stats[rest, start] + length[rest]).max() - stats[rest, start].min()
            stroke = _stroke(np.isin(labels, rest).astype(np.uint8))
            thin = stats[:, _AREA] / length < np.where(begins & ends, 1.5, 0.8) * stroke
            found |= lines & (extent < 0.9 * length) & thin
    return found


def _belongs(
    stats: Any, ink: NDArray[np.float64], sides: NDArray[np.bool_], labels: Any, main: int, part: int
) -> bool:
    """Tell whether component `part` is a part of the character whose largest component is `main`."""
    left, top, width, height = (float(v) for v in stats[main, :_AREA])
    x, y, w, h = (float(v) for v in stats[part, :_AREA])
    slack = 0.1 * max(width, height)
    overlap = min(left + width + slack, x + w) - max(left - slack, x)
    stacked = overlap >= 0.5 * w and (y + h <= top + 0.5 * height or y >= top + 0.5 * height)
    if sides[part].any():
        # The dot of an i may run into the upper border, and so may either part of : = " in a close crop.
        dot = stacked and y + h <= top and max(w, h) < 0.5 * height and width < 0.6 * height
        alike = 0.5 * ink[main] < ink[part] < 2 * ink[main]
        twin = alike and (overlap >= 0.7 * max(w, width) or not (sides[part] & ~sides[main]).any())
        return bool(twin or (dot and not sides[part, [0, 1, 3]].any()))
    if stacked or ink[part] >= _PART * ink[main]:
        return True
    near = cv2.dilate(
        (labels == main).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(slack))
    )
    return bool((near[labels == part] > 0).any())


def _stroke(mask: _Plane) -> float:
    """Return the width of the strokes, px: in a bar of width w the mean distance to paper is (w + 2) / 4."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return 4 * float(np.mean(depth[mask > 0])) - 2 if mask.any() else 0.0


def _without_line_across(strength: _Plane, mask: _Plane) -> _Plane:
    """Take a level line that runs from border to border out of `mask`, unless it may be a stroke."""
    h = len(mask)
    share = mask.mean(axis=1)
    rows = np.flatnonzero(share >= _ACROSS)
    if not len(rows):
        return mask
    top, bottom = rows[0], rows[-1]
    while top > 0 and share[top - 1] > 0.5:
        top -= 1
    while bottom < h - 1 and share[bottom + 1] > 0.5:
        bottom += 1
    rest = mask.copy()
    rest[top : bottom + 1] = 0
    if rest.sum() < 0.3 * mask.sum():
        return mask
    thin = bottom + 1 - top <= 0.6 * _stroke(rest)
    line = strength[top : bottom + 1][mask[top : bottom + 1] > 0]
    faint = np.median(line) < 0.7 * np.median(strength[rest > 0])
    return rest if thin or faint else mask
