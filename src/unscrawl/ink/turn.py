"""Which way up a page of writing lies, told from its ink alone."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["back", "is_sideways", "is_upside_down"]

_GRID: Final = 6.0  # px: letters are brought to this size
_LONG: Final = 0.35  # of the page's longer side: rules, frames and folds, which say nothing
_ALONG, _ACROSS, _AROUND = 6.0, 0.25, 1.0  # letters: how far ink is blurred along lines, across, and beyond
_SURE: Final = 1.5  # how many times more uneven a page must be across its lines than along them
_AWAY: Final = (0.65, 0.8, 1.0)  # letters from the middle of a line, where only tall ones and tails have ink
_FULL: Final = 0.3  # of the strength of strong lines: what is weaker is none

_Plane = NDArray[np.uint8]


def is_sideways(mask: _Plane) -> bool:
    """Tell whether lines run down the page rather than across.

    Blurred along its lines, writing keeps them and the white between them; across, it becomes an even grey.

    Args:
        mask: uint8 [h, w], 1 where ink.
    """
    small, unit = _small(mask)
    return unit > 0 and _SURE * _unevenness(small, unit) < _unevenness(np.ascontiguousarray(small.T), unit)


def is_upside_down(mask: _Plane) -> bool:
    """Guess whether lines stand on their heads: there is more ink over small letters than under them.

    Of capitals, and of figures, this tells nothing, and of a page that need not be turned it is no reason to:
    whoever can read tries both.
    """
    small, unit = _small(mask)
    if unit <= 0:
        return False
    away = [max(1, round(letters * unit)) for letters in _AWAY]
    lines = np.pad(_blurred(small, unit, _ACROSS), ((away[-1] + 1, away[-1] + 1), (0, 0)))
    inner = lines[1:-1]
    crest = (inner > lines[:-2]) & (inner >= lines[2:])
    if not crest.any():
        return False
    crest &= inner > _FULL * np.percentile(inner[crest], 90)
    y, x = np.nonzero(crest)
    over, under = (np.array([lines[y + 1 + sign * a, x].sum() for a in away]) for sign in (-1, 1))
    return float(((under - over) / np.maximum(under + over, 1e-6)).mean()) > 0


def back(quarters: int, width: float, height: float) -> NDArray[np.float64]:
    """Return the affine map [2, 3] from points of a plane that `numpy.rot90` turned back to those of before.

    Args:
        quarters: how many times it was turned by 90° to the left.
        width: of the plane before, px.
        height: of the plane before, px.
    """
    maps = (
        [[1, 0, 0], [0, 1, 0]],
        [[0, -1, width], [1, 0, 0]],
        [[-1, 0, width], [0, -1, height]],
        [[0, 1, 0], [-1, 0, height]],
    )
    return np.array(maps[quarters % 4], np.float64)


def _small(mask: _Plane) -> tuple[NDArray[np.float32], float]:
    """Return the writing reduced, float32 [h, w], and the size of its letters there; 0 where there is none.

    The size is the lesser side of most components, which is the height of words whichever way they run.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sides, area = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]], stats[:, cv2.CC_STAT_AREA]
    writing = sides.max(axis=1) < _LONG * max(mask.shape)
    writing[0] = False
    if not writing.any():
        return np.zeros((1, 1), np.float32), 0.0
    lesser, area = sides.min(axis=1)[writing], area[writing]
    order = np.argsort(lesser)
    below = np.cumsum(area[order])
    size = float(lesser[order][np.searchsorted(below, below[-1] / 2)])
    scale = min(1.0, _GRID / size)
    shape = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    plane: Any = cv2.resize((writing * np.uint8(255))[labels], shape, interpolation=cv2.INTER_AREA)
    return plane.astype(np.float32), size * scale


def _blurred(plane: NDArray[np.float32], unit: float, across: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), _ALONG * unit, sigmaY=across * unit), np.float32)


def _unevenness(plane: NDArray[np.float32], unit: float) -> float:
    return float(np.abs(_blurred(plane, unit, _ACROSS) - _blurred(plane, unit, _AROUND)).sum())
