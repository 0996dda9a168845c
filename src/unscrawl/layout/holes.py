"""The holes that notebooks and binders punch along the edge of a page: dark, but no ink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.components import Component

__all__ = ["without_holes"]

_ROW: Final = 5  # holes at least: fewer spots in a row are chance, or dots of a hand
_MANY: Final = 120  # spots at most: noise has more, and all pairs are tried
_FILLED: Final = 0.7  # of the box around it that a hole fills: a disc fills 0.79, a letter o much less
_ROUND: Final = 1.35  # how many times longer than broad a hole is at most
_LEAST, _MOST = 0.25, 2.0  # letter heights: smaller ones are full stops
_ALIKE: Final = 1.25  # how many times larger the next hole may be
_STEADY: Final = 0.12  # by which share of it the step from hole to hole may change
_BEYOND: Final = 0.03  # of all ink, at most, lies between a row of holes and the edge of the page


def without_holes(parts: Sequence[Component], size: float) -> list[Component]:
    """Return the components without rows of punched holes: solid spots of one size, evenly spaced in a line.

    Only at the edge of the page: in typed columns, blotted letters stand as evenly.

    Args:
        parts: the components of a page.
        size: typical letter height of its writing, px.
    """
    spots = sorted((p for p in parts if _is_spot(p, size)), key=lambda p: p.cy)
    if not _ROW <= len(spots) <= _MANY:
        return list(parts)
    at = np.array([(p.cx, p.cy) for p in spots])
    wide = np.sqrt([p.area for p in spots])
    every = np.array([p.cx for p in parts])
    holes = set[int]()
    for first in range(len(spots) - _ROW + 1):
        for second in range(first + 1, len(spots)):
            if first not in holes and _alike(wide[first], wide[second]):
                row = _row(at, wide, first, second)
                if len(row) >= _ROW and _is_at_edge(at[row, 0], every):
                    holes.update(row)
    labels = {spots[i].label for i in holes}
    return [p for p in parts if p.label not in labels] or list(parts)


def _is_spot(p: Component, size: float) -> bool:
    shorter, longer = sorted((p.w, p.h))
    solid = p.area >= _FILLED * p.w * p.h and longer <= _ROUND * shorter
    return solid and _LEAST * size <= longer <= _MOST * size


def _alike(one: float, other: float) -> bool:
    return max(one, other) <= _ALIKE * min(one, other)


def _is_at_edge(row: NDArray[np.float64], every: NDArray[np.float64]) -> bool:
    """Tell whether hardly any of all x lies on one side of a row's."""
    return bool(min((every < row.min()).mean(), (every > row.max()).mean()) < _BEYOND)


def _row(at: NDArray[np.float64], wide: NDArray[np.float64], first: int, second: int) -> list[int]:
    """Return the spots that go on in even steps, slowly bending, from `first` by way of `second`.

    Args:
        at: [n, 2] their middles (x, y), px, from top to bottom.
        wide: [n] their widths, px.
    """
    row, step = [first, second], at[second] - at[first]
    length = float(np.hypot(*step))
    if abs(step[0]) > 0.5 * abs(step[1]) or length < 1.5 * wide[first]:
        return row[:1]
    while True:
        off = np.hypot(*(at - (at[row[-1]] + step)).T)
        nearest = int(off.argmin())
        if off[nearest] > _STEADY * length or nearest == row[-1] or not _alike(wide[nearest], wide[row[-1]]):
            return row
        step = at[nearest] - at[row[-1]]
        row.append(nearest)
