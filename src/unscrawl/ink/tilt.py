"""How far a page of writing is tilted, and turning it level."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_TILT", "STEEPEST", "rotate", "tilt"]

MAX_TILT: Final = 15.0
"""Degrees by which one line, or a few words, may be tilted."""
STEEPEST: Final = 40.0
"""The same for a page, where that makes its lines clearly evener."""
_CLEARLY: Final = 1.15  # times
_POINTS: Final = 40_000


def tilt(mask: NDArray[np.uint8], height: float, *, page: bool = False) -> float:
    """Return the angle in degrees by which lines of writing fall to the right (down positive), 0 if unsure.

    The angle is the one whose projection profile is the most uneven: the sum of squares of the ink on each
    row (Postl 1986). Ink that is not much wider than high says nothing about its tilt.

    Args:
        mask: uint8 [h, w], 1 where ink.
        height: typical height of a piece of ink, px.
        page: there may be many lines, and they may be steep.
    """
    ys, xs = np.nonzero(mask)
    if not len(xs) or np.ptp(xs) < 3 * height:
        return 0.0
    step = max(1, len(xs) // _POINTS)
    x, y = xs[::step].astype(np.float64), ys[::step].astype(np.float64)
    x -= x.mean()
    row = max(1.0, height / 8)

    def evenness(degrees: float) -> float:
        slope = math.tan(math.radians(degrees))
        rows = ((y - slope * x) / row).astype(np.int64)
        return float((np.bincount(rows - rows.min()).astype(np.float64) ** 2).sum())

    def evenest(middle: float, span: float, fine: float) -> float:
        angles = middle + np.arange(-span, span + fine / 2, fine)
        return float(angles[int(np.argmax([evenness(a) for a in angles]))])

    best = evenest(0.0, MAX_TILT, 1.0)
    if page:
        steep = evenest(0.0, STEEPEST, 1.0)
        best = steep if evenness(steep) > _CLEARLY * evenness(best) else best
    for span, fine in ((1.5, 0.25), (0.375, 0.05)):
        best = evenest(best, span, fine)
    if evenness(best) < 1.05 * evenness(0) or abs(best) < 0.1:
        return 0.0
    return best


def rotate(plane: NDArray[np.uint8], degrees: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Turn a plane so that lines falling by `degrees` become level, losing no corner.

    Returns:
        The turned plane, and the affine map [2, 3] from its points back to those of `plane` (pixels from the
        top left corner, the first pixel's centre at 0.5, 0.5).
    """
    h, w = plane.shape
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    wide, high = math.ceil(w * cos + h * abs(sin)), math.ceil(h * cos + w * abs(sin))
    back = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    back[:, 2] = np.array([w / 2, h / 2]) - back[:, :2] @ np.array([wide / 2, high / 2])
    centred = back.copy()  # OpenCV counts from the centre of the first pixel
    centred[:, 2] += back[:, :2] @ np.array([0.5, 0.5]) - 0.5
    turned = cv2.warpAffine(plane, centred, (wide, high), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return turned.astype(np.uint8, copy=False), back
