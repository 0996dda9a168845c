"""How often each of the 256 levels of a plane occurs: medians of a whole page in no time."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["histogram", "quantiles"]


def histogram(plane: NDArray[np.uint8], where: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
    """Return how many pixels of `plane`, of 16 million at most, have each level, [256].

    Args:
        where: uint8 [h, w], counts those that are not 0 only.
    """
    counts = cv2.calcHist([np.ascontiguousarray(plane)], [0], where, [256], [0, 256])
    return np.asarray(counts, np.float64).ravel()  # counted in float32, which is exact so far


def quantiles(
    plane: NDArray[np.uint8], *shares: float, where: NDArray[np.uint8] | None = None
) -> list[float]:
    """Return the levels that these shares (0 to 1) of the pixels lie below, as NumPy does; 0 of no pixels."""
    reached = np.cumsum(histogram(plane, where))
    if not reached[-1]:
        return [0.0] * len(shares)
    ranks = np.array(shares) * (reached[-1] - 1)
    below = np.floor(ranks)
    low, high = (np.searchsorted(reached, np.minimum(below + up, reached[-1] - 1), "right") for up in (0, 1))
    found: list[float] = (low + (ranks - below) * (high - low)).tolist()
    return found
