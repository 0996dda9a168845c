"""The one preparation of a character for the network, used in training, reading, teaching and the page.

It is MNIST's own (LeCun et al. 1998): the ink fitted into a 20×20 box with its proportions kept,
anti-aliased, and placed on 28×28 so that its centre of mass is the centre of the field.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BOX", "SIDE", "prepare", "prepare_all"]

SIDE: Final = 28
BOX: Final = 20
_FAINT: Final = 32  # below this (of 255) a pixel does not count as ink when the box is drawn
_GAIN: Final = 4.0  # thin strokes of large writing fade when reduced; they are brought back at most this far


def prepare(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fit the ink of one character into MNIST's field.

    Args:
        ink: uint8 [h, w], 0 paper … 255 ink, any size.

    Returns:
        uint8 [28, 28], white ink on black; all black when there is no ink.
    """
    field = np.zeros((SIDE, SIDE), np.uint8)
    ys = np.flatnonzero(ink.max(axis=1, initial=0) >= _FAINT)
    xs = np.flatnonzero(ink.max(axis=0, initial=0) >= _FAINT)
    if not len(ys) or not len(xs):
        return field
    crop = ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    h, w = crop.shape
    scale = BOX / max(h, w)
    if scale != 1:
        size = (max(1, round(w * scale)), max(1, round(h * scale)))  # (width, height)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        crop = np.asarray(cv2.resize(crop, size, interpolation=how), np.uint8)
        crop = cv2.convertScaleAbs(crop, alpha=min(_GAIN, 255 / max(1, int(crop.max())))).astype(np.uint8)
    h, w = crop.shape
    m = cv2.moments(crop)
    mass = max(m["m00"], 1.0)
    # In MNIST's own pictures the mean column and row of the ink are pixel index 14, not 13.5.
    x = round(SIDE / 2 - m["m10"] / mass)
    y = round(SIDE / 2 - m["m01"] / mass)
    x, y = min(max(x, 0), SIDE - w), min(max(y, 0), SIDE - h)
    field[y : y + h, x : x + w] = crop
    return field


def prepare_all(inks: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Prepare a list of characters: uint8 [N, 28, 28]."""
    return np.stack([prepare(i) for i in inks]) if inks else np.zeros((0, SIDE, SIDE), np.uint8)
