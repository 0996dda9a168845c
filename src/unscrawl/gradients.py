"""The strokes of a character by place and direction: what a network's classes do not say of other symbols.

Histograms of gradient directions (Dalal & Triggs 2005) on 7 × 7 places that overlap softly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.glyph import SIDE

__all__ = ["GRADIENTS", "gradients"]

_PLACES: Final = 7  # a side
_DIRECTIONS: Final = 8
GRADIENTS: Final = _PLACES**2 * _DIRECTIONS
"""How many numbers tell of a picture."""
_SPREAD: Final = 2.6  # px, of a place
_SCALE: Final = 20.0  # about that of logits, beside which they stand
_CHUNK: Final = 64  # pictures at a time: what a core's cache holds


def _places() -> NDArray[np.float32]:
    """Weight of each row of a picture in each row of places, [7, 28]."""
    middles = (np.arange(_PLACES) + 0.5) * SIDE / _PLACES - 0.5
    weights = np.exp(-0.5 * ((np.arange(SIDE) - middles[:, None]) / _SPREAD) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


_POOL: Final = _places()


def gradients(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much ink changes where in which direction: uint8 [N, 28, 28] → float32 [N, 392]."""
    parts = [_gradients(pictures[i : i + _CHUNK]) for i in range(0, len(pictures), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, GRADIENTS), np.float32)


def _gradients(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    down, across = np.gradient(pictures.astype(np.float32) / 255, axis=(1, 2))
    turn = np.arctan2(down, across) * np.float32(_DIRECTIONS / (2 * np.pi)) % _DIRECTIONS
    away = np.abs(turn[:, None] - np.arange(_DIRECTIONS, dtype=np.float32)[:, None, None])
    share = np.maximum(1 - np.minimum(away, _DIRECTIONS - away), 0)  # of the two nearest directions
    found = _POOL @ (share * np.hypot(down, across)[:, None]) @ _POOL.T  # [N, 8, 7, 7]
    return np.asarray(_SCALE * np.sqrt(found.reshape(len(pictures), -1)), np.float32)
