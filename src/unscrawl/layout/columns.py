"""Text beside text: which lines are read before which, on pages with columns, in open books, on postcards.

A gutter is a strip of bare paper with several lines on both sides. What stands above it, a heading say, is
read first, then its left side, its right one, and what stands below; each of them may have gutters again
(after the X-Y cut of Nagy and Seth 1984, with gutters that end where a line crosses them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["in_reading_order"]

_CELL: Final = 0.5  # letter heights: side of the squares in which ink is looked for
_INKED: Final = 10  # of 255: ink in a square below which it is paper, with at most a speck on it
_WIDE: Final = 2.5  # letter heights that a gutter is wide at least
_HIGH: Final = 4.0  # and that it is high at least
_LINES: Final = 3  # lines on either side of it, at least
_LEAST: Final = 2.0  # letter heights of ink: what has less is no line
_APART: Final = 0.7  # letter heights between lines, at least
_USUAL: Final = 5.0  # letter heights of ink that most lines on a side have at least
_ENTRY: Final = 9.0  # the same where lines stand level with those beside them: tables are read across
_LEVEL: Final = 0.35  # letter heights by which lines that are level differ at most
_SHIFT: Final = 0.8  # letter heights by which, seen aslant, all on one side may stand higher
_DRIFTING: Final = 4  # lines that tell how this changes down the page
_MOSTLY: Final = 0.8  # share of a side's lines
_SHARE: Final = 0.2  # of the width of both sides that each takes at least

Fragment = NDArray[np.float64]
"""Points [k, 3] of a ridge, left to right: x, y in px, strength."""


class _Gutter(NamedTuple):
    """A strip of bare paper, px."""

    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def holds(self, other: _Gutter) -> bool:
        """Tell whether the middle of another lies in this one, and so does all of its height."""
        return self.left < other.middle < self.right and self.top <= other.top and other.bottom <= self.bottom


def in_reading_order(
    mask: NDArray[np.uint8], size: float, fragments: Sequence[Fragment]
) -> list[list[Fragment]]:
    """Group the ridges of a page by the part of it they lie in, in reading order; one across a gutter is cut.

    Args:
        mask: uint8 [h, w], the ink of letters.
        size: typical letter height, px.
        fragments: ridges of the lines.
    """
    cell = _CELL * size
    shape = (max(1, round(mask.shape[1] / cell)), max(1, round(mask.shape[0] / cell)))
    small = cv2.resize(mask * np.uint8(255), shape, interpolation=cv2.INTER_AREA)
    return _parts(np.asarray(small) > _INKED, size, list(fragments))


def _parts(inked: NDArray[np.bool_], size: float, fragments: list[Fragment]) -> list[list[Fragment]]:
    gutter = _find(inked, size, fragments)
    if gutter is None:
        return [fragments] if fragments else []
    level = np.array([_level(f, gutter.middle) for f in fragments])
    above, below = level < gutter.top, level > gutter.bottom
    beside = [f for f, out in zip(fragments, above | below, strict=True) if not out]
    left = [f[on] for f in beside if (on := f[:, 0] < gutter.middle).any()]
    right = [f[on] for f in beside if (on := f[:, 0] >= gutter.middle).any()]
    top, bottom = ([f for f, out in zip(fragments, where, strict=True) if out] for where in (above, below))
    return [block for part in (top, left, right, bottom) for block in _parts(inked, size, part)]


def _level(fragment: Fragment, x: float) -> float:
    """Return y of a ridge at `x`, or at the end that is nearest to it."""
    return float(np.interp(x, fragment[:, 0], fragment[:, 1]))


def _find(inked: NDArray[np.bool_], size: float, fragments: Sequence[Fragment]) -> _Gutter | None:
    """Return the gutter with most lines on both sides, the largest of these; None where there is none."""
    if len(fragments) < _LINES:
        return None
    cell = _CELL * size
    x, y, _ = np.concatenate(fragments).T
    first = max(0, int(x.min() / cell + _USUAL / _CELL))  # so much room on either side
    last = min(inked.shape[1], int(x.max() / cell - _USUAL / _CELL) + 1)
    top, bottom = max(0, int(y.min() / cell) - 2), min(inked.shape[0], int(y.max() / cell) + 3)
    runs: dict[tuple[int, int], list[int]] = {}  # columns where windows are bare between the same two rows
    wide, high = round(_WIDE / _CELL), round(_HIGH / _CELL)
    for column in range(first, last - wide + 1):
        bare = ~inked[top:bottom, column : column + wide].any(axis=1)
        edges = np.flatnonzero(np.diff(bare.astype(np.int8), prepend=0, append=0)).reshape(-1, 2) + top
        for start, stop in edges.tolist():
            if stop - start >= high:
                runs.setdefault((start, stop), []).append(column)
    written = [_written(f, inked, cell) for f in fragments]
    found: list[tuple[int, float, _Gutter]] = []
    for (start, stop), columns in runs.items():
        for group in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            sides = cell * float(group[0]), cell * float(group[-1] + wide)
            gutter = _Gutter(*sides, cell * start, cell * stop)
            area = (sides[1] - sides[0]) * (stop - start)
            found.append((_lines_beside(gutter, size, written), area, gutter))
    tables = [gutter for lines, _, gutter in found if lines < 0]
    parting = [one for one in found if one[0] > 0 and not any(table.holds(one[2]) for table in tables)]
    return max(parting, key=lambda one: one[:2])[2] if parting else None


def _written(fragment: Fragment, inked: NDArray[np.bool_], cell: float) -> Fragment:
    """Return one point of a ridge for each column of squares in which there is writing about it.

    A ridge goes on beyond its ink, and what is left of a rule is no more than one square high.
    """
    column, row = (np.minimum(fragment[:, :2] / cell, np.array(inked.shape[::-1]) - 1)).astype(np.intp).T
    near = [inked[np.clip(row + off, 0, len(inked) - 1), column] for off in (-1, 0, 1)]
    fresh = np.diff(column, prepend=-1) > 0
    return np.asarray(fragment[(np.sum(near, axis=0) > 1) & fresh])


def _lines_beside(gutter: _Gutter, size: float, written: Sequence[Fragment]) -> int:
    """Return how many lines stand side by side on either side of a gutter.

    0 where these are no columns; less than that where they are entries of a table, to be read across.
    """
    near = [f for f in written if len(f) and gutter.top <= _level(f, gutter.middle) <= gutter.bottom]
    left = _Side([f[on] for f in near if (on := f[:, 0] < gutter.middle).any()], gutter.middle, size)
    right = _Side([f[on] for f in near if (on := f[:, 0] > gutter.middle).any()], gutter.middle, size)
    fewest = min(len(left.levels), len(right.levels))
    if fewest < _LINES or min(left.width, right.width) < _SHARE * (left.width + right.width):
        return 0
    level = all(
        (_off(*sides, size) < _LEVEL * size).mean() >= _MOSTLY for sides in ((left, right), (right, left))
    )
    usual = min(left.usual, right.usual)
    if usual < (_ENTRY if level else _USUAL) * size:
        return -fewest if level and usual >= _USUAL * size else 0
    top = max(left.levels[0], right.levels[0]) - size
    bottom = min(left.levels[-1], right.levels[-1]) + size
    return min(int(((s.levels > top) & (s.levels < bottom)).sum()) for s in (left, right))


def _off(side: _Side, other: _Side, size: float) -> NDArray[np.float64]:
    """Return by how much each line of a side is off the level of the nearest on the other, px.

    Seen aslant, all lines of one side stand higher, more so towards one end of the page.
    """
    off = side.levels[:, None] - other.levels
    nearest = np.take_along_axis(off, np.abs(off).argmin(axis=1)[:, None], axis=1)[:, 0]
    usual = np.full(nearest.shape, np.median(nearest))
    if len(nearest) >= _DRIFTING:
        usual[:] = np.polyval(np.polyfit(side.levels, nearest, 1), side.levels)
    return np.abs(nearest - usual if np.abs(usual).max() < _SHIFT * size else nearest)


class _Side:
    """What is written on one side of a gutter whose middle is at `x`.

    `levels` are y of its lines at `x`, px, from top to bottom; `usual` is the length of ink, px, that most of
    them have; `width` is that of the side, px.
    """

    def __init__(self, fragments: Sequence[Fragment], x: float, size: float) -> None:
        level = np.array([_level(f, x) for f in fragments])
        ink = _CELL * size * np.array([len(f) for f in fragments], np.float64)
        order = np.argsort(level)
        level, ink = level[order], ink[order]
        line = np.cumsum(np.diff(level, prepend=level[:1]) > _APART * size)
        lengths = np.bincount(line, ink)
        long = lengths >= _LEAST * size
        self.levels = (np.bincount(line, ink * level) / np.maximum(lengths, 1))[long]
        self.usual = float(np.median(lengths[long])) if long.any() else 0.0
        self.width = float(np.ptp(np.concatenate([f[:, 0] for f in fragments]))) if fragments else 0.0
