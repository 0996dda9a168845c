"""Blocks of print much smaller than the writing, as letterheads have: each is a little page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from unscrawl.layout.components import Component

__all__ = ["small_blocks"]

_SMALL: Final = 0.6  # of the height of the writing: what is taller is none
_AROUND: Final = 3  # letter heights, an odd number: so far about it, small print meets little else
_OTHERS: Final = 0.3  # of the ink there, at most, is of the writing
_ACROSS, _DOWN = 1.6, 2.0  # own letter heights that a block's letters are apart at most
_LETTERS: Final = 12  # at least, in a block
_ALIKE: Final = 0.5  # of its letters, at least, are about equally high: those of dirt are not
_EQUAL: Final = 1.3  # how many times higher than usual, or lower, such a letter may be


def small_blocks(parts: Sequence[Component], size: float, shape: tuple[int, int]) -> list[list[Component]]:
    """Return the components of each block of small print.

    A small component counts where nearly all of the ink round about is in small ones too, so that dots and
    marks stay with their letters.

    Args:
        parts: the components of a page.
        size: typical letter height of its writing, px.
        shape: of the page (h, w), px.
    """
    x, y, w, h, ink = np.array([(p.cx, p.cy, p.w, p.h, p.area) for p in parts]).T
    small = (h < _SMALL * size) & (w < 3 * size)
    if np.count_nonzero(small) < _LETTERS:
        return []
    rows, columns = (y / size).astype(np.intp), (x / size).astype(np.intp)
    cells = np.zeros((2, int(shape[0] / size) + 1, int(shape[1] / size) + 1), np.float32)
    np.add.at(cells, (small.astype(np.intp), rows, columns), ink)
    around = (cv2.blur(c, (_AROUND, _AROUND), borderType=cv2.BORDER_CONSTANT) for c in cells)
    other, own = (np.asarray(plane)[rows, columns] for plane in around)
    printed = [parts[i] for i in np.flatnonzero(small & (other < _OTHERS * (own + other))).tolist()]
    return [block for block in _neighbours(printed, shape) if _is_print(block)] if printed else []


def _neighbours(parts: Sequence[Component], shape: tuple[int, int]) -> list[list[Component]]:
    """Group components that are close to one another."""
    height = float(np.median([p.h for p in parts]))
    scale = min(1.0, 8 / height)
    canvas = np.zeros([int(side * scale) + 1 for side in shape], np.uint8)
    aside, off = (apart * height / 2 for apart in (_ACROSS, _DOWN))
    for p in parts:
        ends = (p.x - aside, p.y - off), (p.x + p.w + aside, p.y + p.h + off)
        (left, top), (right, bottom) = ((round(x * scale), round(y * scale)) for x, y in ends)
        cv2.rectangle(canvas, (left, top), (right, bottom), 1, -1)
    _, names = cv2.connectedComponents(canvas, connectivity=4)
    at = np.array([(p.cy, p.cx) for p in parts]) * scale
    home = np.asarray(names)[tuple(at.astype(np.intp).T)]
    return [[parts[i] for i in np.flatnonzero(home == k).tolist()] for k in np.unique(home)]


def _is_print(block: Sequence[Component]) -> bool:
    heights = np.array([p.h for p in block], np.float64)
    usual = float(np.median(heights[heights >= 0.5 * np.percentile(heights, 75)]))
    alike = (heights < _EQUAL * usual) & (heights > usual / _EQUAL)
    return len(block) >= _LETTERS and float(alike.mean()) >= _ALIKE
