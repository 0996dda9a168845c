"""A line of writing → the line recogniser's picture: one preparation for training, reading, teaching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT", "Strip", "absorbance", "band", "prepare"]

HEIGHT: Final = 40
"""Rows of the picture that the network takes."""

_WIDEST: Final = 3200  # columns at most, about 300 characters: bounds memory and time
_NARROWEST: Final = 16
_LOOK: Final = 96  # rows that the estimates of paper and ink are made on
_SPREADS: Final = 3.4  # standard deviations of the ink's rows above and below their middle that are kept
_LEAST_BAND: Final = 0.4  # of the crop's height: a dash or a full stop does not fill the picture
_FAINTEST: Final = 26.0  # absorbance (of 255) that is taken for full ink at least: paper grain lies below

_Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Strip:
    """A prepared line.

    `image` is uint8 [40, W], 0 paper to 255 full ink. `to_crop` [2, 3] takes a point (x, y) of it to the crop
    it was made from; both count from the corner of the first pixel.
    """

    image: NDArray[np.uint8]
    to_crop: NDArray[np.float64]


def prepare(grey: NDArray[np.uint8]) -> Strip:
    """Normalise light, contrast and height of one line of writing.

    Args:
        grey: uint8 [h, w], ink dark on lighter paper, of any size from one pixel up.

    The height is normalised by moments of the ink, so that writing comes out equally large whatever was cut
    off or left around it (Toselli et al. 2004, "Integrated handwriting recognition and interpretation using
    finite-state models").
    """
    h, w = grey.shape
    scale = min(1.0, _LOOK / h)
    if scale < 1.0:
        grey = _plane(cv2.resize(grey, (max(1, round(w * scale)), _LOOK), interpolation=cv2.INTER_AREA))
    ink = absorbance(grey)
    top, bottom = band(ink)
    zoom = HEIGHT / (bottom - top)
    wide = int(np.clip(round(ink.shape[1] * zoom), _NARROWEST, _WIDEST))
    across = ink.shape[1] / wide
    shape = (ink.shape[1], max(1, round(bottom - top)))
    rows = cv2.warpAffine(ink, np.array([[1.0, 0, 0], [0, 1, -top]]), shape, flags=cv2.INTER_LINEAR)
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    image = _plane(cv2.resize(rows, (wide, HEIGHT), interpolation=way))
    to_crop = np.array(
        [[across * w / ink.shape[1], 0, 0], [0, h / (zoom * ink.shape[0]), top * h / ink.shape[0]]]
    )
    return Strip(image, to_crop)


def absorbance(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how much darker than the paper round about each pixel is, uint8 [h, w]: 255 is full ink.

    The paper's brightness is a closing, wide enough to swallow strokes; full ink is the line's darkest part.
    """
    h, w = grey.shape
    size = (max(1, w // 4), max(1, h // 4))
    small = cv2.dilate(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8))
    side = int(np.clip(min(size) * 0.8, 3, 15)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    paper = cv2.resize(cv2.blur(paper, (5, 5)), (w, h), interpolation=cv2.INTER_LINEAR)
    dark = cv2.divide(cv2.subtract(paper, grey), np.maximum(paper, 48), scale=255)
    level = np.uint8(np.median(dark))
    above = dark[dark > level + 12.0]
    full = float(np.percentile(above, 85)) if above.size > 0.002 * dark.size else 0.0
    return _plane(
        cv2.convertScaleAbs(np.maximum(dark, level) - level, alpha=255 / max(full - float(level), _FAINTEST))
    )


def band(ink: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the rows (top, bottom) of `ink` [h, w] that hold the writing, by the spread of the ink."""
    h = ink.shape[0]
    rows = np.maximum(ink.astype(np.float32) - 64, 0).sum(axis=1)
    total = float(rows.sum())
    if total < 255:
        return 0.0, float(h)
    y = np.arange(h) + 0.5
    middle = float((rows * y).sum()) / total
    spread = float(np.sqrt((rows * (y - middle) ** 2).sum() / total))
    half = max(_SPREADS * spread, _LEAST_BAND * h)
    half = min(half, 0.6 * h)
    return middle - half, middle + half


def _plane(array: Any) -> _Plane:
    """Tell the type checker what OpenCV's annotations leave open."""
    plane: _Plane = array
    return plane
